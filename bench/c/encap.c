/*
 * The encapsulation graph's work as one C program: the limit that it is measured against. The same packets, the same
 * table algorithm (tree bitmap of stride 5, index by 15 bits, lookups side by side), the same choice of locators and
 * the same bytes out.
 *
 *   encap DATAFILE
 *
 * Then, line by line on standard input:
 *
 *   run BATCH PACKETS          works PACKETS packets in batches of BATCH; prints the nanoseconds of processor time it took
 *   check BATCH PACKETS FILE   the same from the first packet on, and writes each packet to FILE: length (u16), bytes
 *   totals                     prints packets, bytes and packets lost since the start
 */

#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH_MAX = 256, SLOTS = 1024, STRIDE = 2176, HEADROOM = 128, LENGTH = 64, OUTER = 36, MTU = 1500, WALKS = 16 };

#define ALWAYS static inline __attribute__((always_inline))

/* ---- Memory ------------------------------------------------------------------------------------------------- */

struct packet {
  uint8_t *data;
  uint8_t *network;
  uint8_t *transport;
  uint32_t length;
  uint32_t hash;
  struct mapping *route;
  uint32_t destination; /* as in the header */
};

static struct packet *free_slots[SLOTS];
static uint32_t free_count;

static void *must(void *p) {
  if (p == NULL) {
    fprintf(stderr, "encap: out of memory\n");
    exit(2);
  }
  return p;
}

static void make_pool(void) {
  uint8_t *area = must(aligned_alloc(4096, ((size_t)SLOTS * STRIDE + 4095) / 4096 * 4096));
  for (uint32_t i = 0; i < SLOTS; i++) free_slots[i] = (struct packet *)(area + (size_t)(SLOTS - 1 - i) * STRIDE);
  free_count = SLOTS;
}

/* Words of packets, at any alignment, as they lie in memory. */
ALWAYS uint16_t load16(const void *p) { uint16_t x; memcpy(&x, p, 2); return x; }
ALWAYS uint32_t load32(const void *p) { uint32_t x; memcpy(&x, p, 4); return x; }
ALWAYS uint64_t load64(const void *p) { uint64_t x; memcpy(&x, p, 8); return x; }
ALWAYS void store16(void *p, uint16_t x) { memcpy(p, &x, 2); }
ALWAYS void store32(void *p, uint32_t x) { memcpy(p, &x, 4); }

/* ---- Mappings ----------------------------------------------------------------------------------------------- */

struct rloc {
  uint8_t header[40]; /* IPv4, UDP, LISP: what is the same for all packets to it */
  uint32_t sum;       /* of the IPv4 header's constant words */
};

struct locator {
  struct rloc *rloc;
  uint32_t until; /* weights up to and with this one */
  uint64_t packets;
};

struct mapping {
  uint32_t total;
  uint32_t count;
  struct locator locators[];
};

static struct rloc *rlocs;
static uint32_t *rloc_addresses;
static uint32_t rloc_count;

static struct rloc *find_rloc(uint32_t address, uint32_t source) {
  for (uint32_t i = 0; i < rloc_count; i++)
    if (rloc_addresses[i] == address) return &rlocs[i];
  if (rloc_count == 65536) exit(2);
  rloc_addresses[rloc_count] = address;
  struct rloc *r = &rlocs[rloc_count++];
  uint8_t *h = r->header;
  memset(h, 0, sizeof r->header);
  h[0] = 0x45;
  h[6] = 0x40; /* DF */
  h[9] = 17;
  store32(h + 12, __builtin_bswap32(source));
  store32(h + 16, __builtin_bswap32(address));
  h[22] = 4341 >> 8;
  h[23] = 4341 & 255;
  r->sum = 0;
  for (int i = 0; i < 20; i += 2) r->sum += load16(h + i);
  return r;
}

/* ---- Table -------------------------------------------------------------------------------------------------- */

struct node {
  uint32_t children; /* a bit for each child */
  uint32_t prefixes; /* a bit for each prefix, numbered like a heap */
  uint32_t array;    /* number of the first child */
  uint32_t value;    /* the one value, or the number of the first of several */
};

static struct node *nodes; /* number 0 is empty: what is missing leads there */
static uint32_t node_count = 1;
static struct mapping **values; /* number 0: no match */
static uint32_t *lists;         /* value numbers of nodes with several */
static uint32_t list_count = 1;
static uint32_t table_masks[16];
static uint32_t table_index[1 << 15];
static uint32_t table_root, table_last;

struct building {
  struct building *child[32];
  uint32_t value[32];
  uint32_t children, prefixes;
};

static void insert(struct building *n, uint32_t address, uint32_t length, uint32_t value) {
  uint32_t last = length / 5;
  for (uint32_t l = 0; l < last; l++) {
    uint32_t s = (address << (l * 5)) >> 27;
    if (n->child[s] == NULL) n->child[s] = must(calloc(1, sizeof *n));
    n->children |= 1u << s;
    n = n->child[s];
  }
  uint32_t inside = length - last * 5;
  uint32_t position = (1u << inside) | (((address << (last * 5)) >> 27) >> (5 - inside));
  n->prefixes |= 1u << position;
  n->value[position] = value;
  if (last > table_last) table_last = last;
}

static void settle(struct building *from, uint32_t at, uint32_t level, uint32_t bits) {
  if (level == 3) table_index[bits] = at;
  struct node n = {from->children, from->prefixes, 0, 0};
  if (__builtin_popcount(n.prefixes) == 1) {
    n.value = from->value[__builtin_ctz(n.prefixes)];
  } else if (n.prefixes != 0) {
    n.value = list_count;
    for (uint32_t p = 0; p < 32; p++)
      if ((n.prefixes >> p) & 1) lists[list_count++] = from->value[p];
  }
  n.array = node_count;
  node_count += (uint32_t)__builtin_popcount(n.children);
  nodes[at] = n;
  uint32_t child = n.array;
  for (uint32_t s = 0; s < 32; s++)
    if (from->child[s] != NULL) settle(from->child[s], child++, level + 1, (bits << 5) | s);
  free(from);
}

static void make_masks(void) {
  for (uint32_t s = 0; s < 16; s++)
    for (uint32_t r = 0; r <= 4; r++) table_masks[s] |= 1u << ((1u << r) | (s >> (4 - r)));
}

struct walk {
  uint32_t node, rest, best, bits;
};

ALWAYS uint32_t matching(const struct node *n, uint32_t s) { return n->prefixes & table_masks[s >> 1]; }

ALWAYS uint32_t next(const struct node *n, uint32_t s) {
  uint32_t child = n->array + (uint32_t)__builtin_popcount(n->children & ((1u << s) - 1));
  return (n->children >> s) & 1 ? child : 0;
}

ALWAYS struct mapping *value_of(uint32_t node, uint32_t bits) {
  if (bits == 0) return NULL;
  const struct node *n = &nodes[node];
  uint32_t position = 31 - (uint32_t)__builtin_clz(bits);
  uint32_t rank = (uint32_t)__builtin_popcount(n->prefixes & ((1u << position) - 1));
  return values[(n->prefixes & (n->prefixes - 1)) == 0 ? n->value : lists[n->value + rank]];
}

static struct mapping *lookup_above(uint32_t address) {
  uint32_t node = table_root, best = 0, bits = 0;
  for (uint32_t l = 0; l <= 2; l++) {
    uint32_t s = (address << (l * 5)) >> 27;
    uint32_t hit = matching(&nodes[node], s);
    if (hit != 0) best = node, bits = hit;
    node = next(&nodes[node], s);
  }
  return value_of(best, bits);
}

static void lookup(struct packet **batch, uint32_t count) {
  struct walk walks[WALKS];
  for (uint32_t i = 0; i < count; i++) {
    uint32_t address = __builtin_bswap32(batch[i]->destination);
    walks[i] = (struct walk){table_index[address >> 17], address << 15, 0, 0};
  }
  for (uint32_t l = 3; l <= table_last; l++) {
    for (uint32_t i = 0; i < count; i++) {
      struct walk *w = &walks[i];
      const struct node *n = &nodes[w->node];
      uint32_t s = w->rest >> 27;
      uint32_t hit = matching(n, s);
      w->best = hit != 0 ? w->node : w->best;
      w->bits = hit != 0 ? hit : w->bits;
      w->node = next(n, s);
      w->rest <<= 5;
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    batch[i]->route = value_of(walks[i].best, walks[i].bits);
    if (batch[i]->route == NULL) batch[i]->route = lookup_above(__builtin_bswap32(batch[i]->destination));
  }
}

/* ---- Traffic ------------------------------------------------------------------------------------------------ */

static uint8_t template[LENGTH];
static uint32_t template_sum;
static struct {
  uint32_t destination;
  uint32_t ports;
} *ring;
static uint32_t ring_mask, ring_next;

ALWAYS uint32_t fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

ALWAYS void write_packet(struct packet *p, uint32_t n) {
  uint8_t *at = (uint8_t *)p + 128 + HEADROOM;
  uint32_t destination = ring[n & ring_mask].destination;
  memcpy(at, template, LENGTH);
  store16(at + 10, (uint16_t)~fold(template_sum + (destination & 0xffff) + (destination >> 16)));
  store32(at + 16, destination);
  store32(at + 20, ring[n & ring_mask].ports);
  p->data = at;
  p->length = LENGTH;
}

/* ---- The path ----------------------------------------------------------------------------------------------- */

static uint64_t drops, misses, too_big, packets, bytes;
static uint32_t next_id;

ALWAYS int check(struct packet *p) {
  if (p->length < 20) return 0;
  const uint8_t *at = p->data;
  uint32_t words = at[0] & 15;
  if (at[0] >> 4 != 4 || words < 5) return 0;
  uint32_t total = ((uint32_t)at[2] << 8) | at[3];
  if (total > p->length || total < words * 4) return 0;
  uint64_t sum = (uint64_t)load32(at) + load32(at + 4) + load32(at + 8) + load32(at + 12) + load32(at + 16);
  for (uint32_t i = 5; i < words; i++) sum += load32(at + i * 4);
  uint32_t folded = (uint32_t)((sum & 0xffff) + (sum >> 16));
  folded = (folded & 0xffff) + (folded >> 16);
  if (((folded & 0xffff) + (folded >> 16)) != 0xffff) return 0;
  p->network = p->data;
  p->transport = p->data + words * 4;
  p->length = total;
  p->destination = load32(at + 16);
  return 1;
}

ALWAYS int decrement(struct packet *p) {
  uint8_t *at = p->network;
  if ((at[16] & 0xf0) == 0xe0) return 1;
  if (at[8] <= 1) return 0;
  at[8]--;
  store16(at + 10, (uint16_t)~fold((load16(at + 10) ^ 0xffffu) + 0xfffe));
  return 1;
}

ALWAYS uint32_t flow_hash(const struct packet *p) {
  const uint8_t *at = p->network;
  uint32_t protocol = at[9];
  uint64_t more = 0;
  int ports = protocol == 6 || protocol == 17 || protocol == 132;
  if (ports && (load16(at + 6) & 0xff3f) == 0 && p->transport + 4 <= p->data + p->length)
    more = ((uint64_t)load32(p->transport) << 8) | protocol;
  uint64_t x = (load64(at + 12) ^ (more * 0xd6e8feb86659fd93u)) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 32)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 29)) * 0x94d049bb133111ebu;
  return (uint32_t)(x >> 32);
}

ALWAYS struct rloc *choose(struct mapping *m, uint32_t hash) {
  uint32_t part = (uint32_t)(((uint64_t)hash * m->total) >> 32);
  struct locator *l = m->locators;
  while (l->until <= part) l++;
  l->packets++;
  return l->rloc;
}

ALWAYS int encapsulate(struct packet *p, const struct rloc *r, uint32_t id) {
  uint32_t size = p->length + OUTER;
  if (size > MTU) return 0;
  uint8_t *inner = p->data;
  uint8_t *at = inner - OUTER;
  if (at < (uint8_t *)p + 128) return 0;
  uint32_t tos = inner[1], ttl = inner[8];
  uint16_t total = __builtin_bswap16((uint16_t)size);
  uint16_t stamp = (uint16_t)id;
  memcpy(at, r->header, OUTER);
  at[1] = (uint8_t)tos;
  store16(at + 2, total);
  store16(at + 4, stamp);
  at[8] = (uint8_t)ttl;
  store16(at + 10, (uint16_t)~fold(r->sum + (tos << 8) + total + stamp + ttl));
  store16(at + 20, (uint16_t)((p->hash & 0xff3f) | 0xc0));
  store16(at + 24, __builtin_bswap16((uint16_t)(size - 20)));
  p->data = at;
  p->network = at;
  p->transport = at + 20;
  p->length = size;
  p->destination = load32(r->header + 16);
  return 1;
}

static uint32_t work(struct packet **batch, uint32_t count) {
  uint32_t good = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct packet *p = free_slots[--free_count];
    write_packet(p, ring_next++);
    if (!check(p) || !decrement(p)) {
      drops++;
      free_slots[free_count++] = p;
      continue;
    }
    p->hash = flow_hash(p);
    batch[good++] = p;
  }
  for (uint32_t i = 0; i < good; i += WALKS) lookup(batch + i, good - i < WALKS ? good - i : WALKS);
  uint32_t done = 0, length = 0;
  for (uint32_t i = 0; i < good; i++) {
    struct packet *p = batch[i];
    if (p->route == NULL) {
      misses++;
      free_slots[free_count++] = p;
      continue;
    }
    if (!encapsulate(p, choose(p->route, p->hash), next_id++)) {
      too_big++;
      free_slots[free_count++] = p;
      continue;
    }
    length += p->length;
    batch[done++] = p;
  }
  packets += done;
  bytes += length;
  return done;
}

static void give_back(struct packet **batch, uint32_t count) {
  while (count > 0) free_slots[free_count++] = batch[--count];
}

static uint64_t run(uint32_t batch_size, uint64_t total) {
  struct packet *batch[BATCH_MAX];
  struct timespec a, b;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
  for (uint64_t left = total; left > 0;) {
    uint32_t count = left < batch_size ? (uint32_t)left : batch_size;
    give_back(batch, work(batch, count));
    left -= count;
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
  return (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u + (uint64_t)b.tv_nsec - (uint64_t)a.tv_nsec;
}

static void write_out(uint32_t batch_size, uint64_t total, const char *file) {
  struct packet *batch[BATCH_MAX];
  FILE *out = fopen(file, "wb");
  if (out == NULL) {
    fprintf(stderr, "encap: cannot write %s\n", file);
    exit(2);
  }
  ring_next = 0;
  next_id = 0;
  for (uint64_t left = total; left > 0;) {
    uint32_t count = left < batch_size ? (uint32_t)left : batch_size;
    uint32_t done = work(batch, count);
    for (uint32_t i = 0; i < done; i++) {
      uint16_t length = (uint16_t)batch[i]->length;
      fwrite(&length, 2, 1, out);
      fwrite(batch[i]->data, 1, length, out);
    }
    give_back(batch, done);
    left -= count;
  }
  if (fclose(out) != 0) exit(2);
}

/* ---- Data file ---------------------------------------------------------------------------------------------- */

static FILE *data;

static uint32_t word(void) {
  uint32_t x;
  if (fread(&x, 4, 1, data) != 1) {
    fprintf(stderr, "encap: the data file is too short\n");
    exit(2);
  }
  return x;
}

static void read_data(const char *file) {
  data = fopen(file, "rb");
  if (data == NULL) {
    fprintf(stderr, "encap: cannot read %s\n", file);
    exit(2);
  }
  uint32_t source = word(), routes = word(), destinations = word();
  rlocs = must(calloc(65536, sizeof *rlocs));
  rloc_addresses = must(calloc(65536, 4));
  values = must(calloc(routes + 1, sizeof *values));
  lists = must(calloc(routes + 1, 4));
  struct building *root = must(calloc(1, sizeof *root));
  for (uint32_t i = 1; i <= routes; i++) {
    uint32_t address = word(), length = word(), count = word();
    struct mapping *m = must(calloc(1, sizeof *m + count * sizeof m->locators[0]));
    m->count = count;
    for (uint32_t k = 0; k < count; k++) {
      m->locators[k].rloc = find_rloc(word(), source);
      m->locators[k].until = m->total += word();
    }
    values[i] = m;
    insert(root, address, length, i);
  }
  nodes = must(calloc((size_t)routes * 7 + 2, sizeof *nodes));
  table_root = node_count++;
  settle(root, table_root, 0, 0);
  make_masks();
  ring = must(calloc(destinations, sizeof *ring));
  ring_mask = destinations - 1;
  for (uint32_t i = 0; i < destinations; i++) ring[i].destination = __builtin_bswap32(word());
  for (uint32_t i = 0; i < destinations; i++) ring[i].ports = word();
  if (fread(template, LENGTH, 1, data) != 1) exit(2);
  for (int i = 0; i < 20; i += 2) template_sum += load16(template + i);
  fclose(data);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: encap DATAFILE\n");
    return 2;
  }
  make_pool();
  read_data(argv[1]);
  printf("ready\n");
  fflush(stdout);
  char line[4096], file[4000];
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned batch;
    unsigned long long total;
    if (sscanf(line, "run %u %llu", &batch, &total) == 2 && batch >= 1 && batch <= BATCH_MAX) {
      printf("%llu\n", (unsigned long long)run(batch, total));
    } else if (sscanf(line, "check %u %llu %3999s", &batch, &total, file) == 3 && batch >= 1 && batch <= BATCH_MAX) {
      write_out(batch, total, file);
      printf("0\n");
    } else if (strcmp(line, "totals\n") == 0) {
      printf("%llu %llu %llu\n", (unsigned long long)packets, (unsigned long long)bytes,
             (unsigned long long)(drops + misses + too_big));
    } else {
      fprintf(stderr, "encap: not understood: %s", line);
      return 2;
    }
    fflush(stdout);
  }
  return 0;
}
