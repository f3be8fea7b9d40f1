// First half of elaboration: walks syntax trees and makes of them compounds
// with elements and connections, all names looked up. Errors come in the order
// of Click's single pass, those of form in between.

import { Compound, type ElementType, TUNNEL, TypeScope } from "./definition.js";
import type { Landmark } from "./diagnostics.js";
import { MAX_LIBRARY_DEPTH } from "./limits.js";
import { parse } from "./parser.js";
import type { Report } from "./report.js";
import {
  type CompoundSyntax,
  type ConnectionSyntax,
  type ElementSyntax,
  type GroupSyntax,
  type LinkSyntax,
  type Moment,
  type RequireSyntax,
  type Statement,
  type SyntaxTree,
  tokenLandmark,
} from "./syntax.js";
import { printable } from "./token-stream.js";
import { addFaces, checkFace, type WholeConfiguration } from "./whole-configuration.js";
import { type LinkEnd, type Ports, wire } from "./wiring.js";

/** Walks one file's tree. */
export class Declarer {
  readonly #whole: WholeConfiguration;
  readonly #report: Report;
  readonly #tree: SyntaxTree;
  readonly #libraryDepth: number;
  #compound: Compound;
  #types: TypeScope;
  /** How many of the tree's own diagnostics were passed on. */
  #passed = 0;

  constructor(
    whole: WholeConfiguration,
    tree: SyntaxTree,
    compound: Compound,
    types: TypeScope,
    libraryDepth = 0,
  ) {
    this.#whole = whole;
    this.#report = whole.report;
    this.#tree = tree;
    this.#compound = compound;
    this.#types = types;
    this.#libraryDepth = libraryDepth;
  }

  run(): void {
    this.#statements(this.#tree.statements);
    this.#catchUp(Number.POSITIVE_INFINITY);
  }

  /** Passes on the errors of form found before `step`. */
  #catchUp(step: number): void {
    const { diagnostics, steps } = this.#tree;
    while (this.#passed < diagnostics.length && steps[this.#passed] < step) {
      this.#report.add(diagnostics[this.#passed++]);
    }
  }

  #landmark(token: number, piece = token): Landmark {
    const { tokens } = this.#tree;
    return tokenLandmark(tokens[token], tokens[piece]);
  }

  #error(code: string, moment: Moment, message: string, piece?: number): void {
    this.#report.error(code, this.#landmark(moment.token, piece), message);
  }

  #statements(statements: readonly Statement[]): void {
    let endsOutput = true;
    for (const statement of statements) {
      switch (statement.kind) {
        case "connection":
          endsOutput = this.#connection(statement, endsOutput);
          break;
        case "elementclass": {
          const { name, type } = statement;
          if (type?.kind === "compound") this.#types.add(name, this.#compoundType(type, name));
          else {
            this.#catchUp(statement.moment.step);
            const known = type === null ? null : this.#forceType(type.name, statement.moment, type.first);
            this.#types.add(name, known ?? { kind: "unknown", name, compound: null });
          }
          break;
        }
        case "define":
          this.#catchUp(statement.moment.step);
          for (const { name, value } of statement.variables) {
            const { variables, formals } = this.#compound;
            if (variables.has(name) || formals.some((f) => f.name === name)) {
              const message = `parameter '$${name}' multiply defined`;
              this.#error("variable-redefined", statement.moment, message, statement.first);
            } else variables.set(name, value);
          }
          break;
        case "require":
          this.#catchUp(statement.moment.step);
          this.#require(statement);
          break;
      }
    }
  }

  #require(statement: RequireSyntax): void {
    const whole = this.#whole;
    const report = this.#report;
    const { moment } = statement;
    for (const requirement of statement.requirements) {
      if (requirement.kind !== "library") {
        whole.requirements.push(requirement);
        continue;
      }
      const name = requirement.value;
      const from = this.#tree.tokens[moment.token].file;
      const library = whole.options.readLibrary?.(name, from) ?? null;
      if (library === null) {
        const message = `library '${printable(name)}' not found in CLICKPATH/conf`;
        this.#error("library-missing", moment, message, statement.first);
      } else if (this.#libraryDepth >= MAX_LIBRARY_DEPTH) {
        this.#error("library-depth", moment, "libraries require one another too deeply", statement.first);
      } else if (!whole.libraries.has(library.file)) {
        whole.libraries.add(library.file);
        const { file, text } = library;
        const tree = whole.options.parse?.(text, file) ?? parse(text, { file });
        new Declarer(whole, tree, this.#compound, this.#types, this.#libraryDepth + 1).run();
        if (report.full) return;
      }
    }
  }

  #findType(name: string): ElementType | null {
    return this.#types.find(name) ?? (this.#whole.open ? null : this.#whole.realClass(name));
  }

  /** The class of that name; where there is none it is reported, once. */
  #forceType(name: string, moment: Moment, piece: number): ElementType {
    const known = this.#types.find(name) ?? this.#whole.realClass(name);
    if (known !== null) return known;
    this.#error("unknown-class", moment, `unknown element class '${name}'`, piece);
    return this.#unknownType(name);
  }

  #unknownType(name: string): ElementType {
    const type: ElementType = { kind: "unknown", name, compound: null };
    this.#types.add(name, type);
    return type;
  }

  #connection(connection: ConnectionSyntax, endsOutput: boolean): boolean {
    let previous: LinkEnd[] | null = null;
    for (const link of connection.links) {
      const ends: LinkEnd[] = this.#link(link, endsOutput);
      this.#catchUp(link.connect.step);
      if (previous === null) this.#checkUseless(ends, "inputs", link.connect);
      else this.#wireLinks(previous, ends, link);
      previous = ends;
    }
    this.#catchUp(connection.end.step);
    if (previous === null) return false;
    this.#checkUseless(previous, "outputs", connection.end);
    return previous.length === 1 && previous[0].element === this.#compound.find("output");
  }

  #checkUseless(ends: readonly LinkEnd[], side: "inputs" | "outputs", moment: Moment): void {
    if (ends.every((end) => end[side] === null)) return;
    const where = side === "inputs" ? "input ports ignored at start" : "output ports ignored at end";
    this.#error("useless-ports", moment, `${where} of chain`);
  }

  #wireLinks(sources: readonly LinkEnd[], sinks: readonly LinkEnd[], link: LinkSyntax): void {
    const compound = this.#compound;
    const { kind, token } = link.arrow!;
    const landmark = this.#landmark(token);
    wire(
      sources,
      sinks,
      kind,
      (from, fromPort, to, toPort) => compound.connect(from, fromPort, to, toPort, landmark),
      (code, message) => this.#error(code, link.connect, message, token),
    );
  }

  #link(link: LinkSyntax, endsOutput: boolean): LinkEnd[] {
    const prepared = link.elements.map((element) => this.#prepare(element, endsOutput));
    this.#catchUp(link.declare.step);
    const last = prepared[prepared.length - 1];
    return link.elements.map((element, i) => {
      const { name, type, inputs, outputs } = prepared[i];
      const { declared, config } = link.spread && last.declared !== null ? last : prepared[i];
      const index = this.#resolve(element, name, type, declared, config, link.declare);
      return { element: index, inputs, outputs };
    });
  }

  /** The element's index; declares it, or an anonymous one for a class. */
  #resolve(
    element: ElementSyntax,
    name: string,
    type: ElementType | null,
    declared: ElementType | null,
    config: string,
    moment: Moment,
  ): number {
    const compound = this.#compound;
    const { first } = element.reference;
    const landmark = this.#landmark(element.place, first);
    const known = type === null ? compound.find(name) : undefined;
    if (known !== undefined) {
      if (declared !== null) {
        this.#report.error("element-redefined", landmark, `redeclaration of element '${name}'`);
        const { type: previous, landmark: place } = compound.elements[known];
        if (previous !== TUNNEL) {
          this.#report.error("element-redefined", place, `element '${name}' previously declared here`);
        }
      }
      return known;
    }
    if (declared !== null && type !== null) {
      this.#report.error("class-as-name", landmark, `class '${name}' used as element name`);
    } else if (declared === null && type === null) {
      if (this.#whole.open) type = this.#whole.realClass(name);
      else {
        this.#report.error("undeclared-element", landmark, `undeclared element '${name}'`);
        type = this.#unknownType(name);
      }
    }
    if (type !== null) name = compound.anonymousName(name);
    else if (/(?:^|\/)\d+(?:\/|$)/.test(name)) {
      this.#error("bad-name", moment, `element name '${name}' has all-digit component`, first);
    }
    return compound.add(name, (type ?? declared)!, config, landmark);
  }

  /** Everything about an element that Click knows before the whole link is read. */
  #prepare(element: ElementSyntax, endsOutput: boolean) {
    const { reference, config } = element;
    let inputs: Ports | null = element.inputs;
    let outputs: Ports | null = element.outputs;
    let name = "";
    let type: ElementType | null = null;
    switch (reference.kind) {
      case "name":
        name = reference.name;
        type = this.#findType(name);
        break;
      case "implicit": {
        name = reference.name;
        const { arrow, moment } = reference;
        this.#catchUp(moment.step);
        if (reference.bare && !endsOutput) {
          const message = `suggest 'input ${arrow}' or '[0] ${arrow}' to start connection`;
          this.#report.warning("bare-arrow", this.#landmark(moment.token), message);
        }
        break;
      }
      case "compound":
        type = this.#compoundType(reference, "");
        break;
      case "group": {
        const group = this.#group(reference);
        ({ name } = group);
        inputs ??= group.inputs;
        outputs ??= group.outputs;
      }
    }
    let declared: ElementType | null = null;
    const { declaration } = element;
    if (declaration !== null) {
      const { type: syntax, moment } = declaration;
      if (syntax?.kind === "compound") declared = this.#compoundType(syntax, "");
      else {
        this.#catchUp(moment.step);
        declared = this.#forceType(syntax?.name ?? name, moment, (syntax ?? reference).first);
      }
    }
    if (config !== null && this.#compound.find(name) !== undefined) {
      this.#catchUp(config.moment.step);
      const message = "configuration string ignored on element reference";
      this.#error("ignored-config", config.moment, message, config.token);
    }
    return { name, type, declared, config: config?.text ?? "", inputs, outputs };
  }

  #group(syntax: GroupSyntax): { name: string; inputs: Ports | null; outputs: Ports | null } {
    const compound = this.#compound;
    const report = this.#report;
    this.#catchUp(syntax.begin.step);
    const name = compound.anonymousName("");
    const faces = addFaces(compound, name, this.#landmark(syntax.begin.token, syntax.first), report);
    if (faces.ok && compound.depth === 0) this.#whole.groups.push(faces);
    const outer = compound.group;
    compound.group = faces;
    this.#statements(syntax.statements);
    this.#catchUp(syntax.end.step);
    const landmark = this.#landmark(syntax.end.token, syntax.first);
    const inputs = checkFace(report, compound, faces.input, "input", "<anonymous group>", landmark);
    const outputs = checkFace(report, compound, faces.output, "output", "<anonymous group>", landmark);
    compound.group = outer;
    const ports = (count: number): Ports | null =>
      count === 0 ? null : { ports: Array.from({ length: count }, (_, i) => i), expandable: false };
    return { name, inputs: ports(inputs), outputs: ports(outputs) };
  }

  #compoundType(syntax: CompoundSyntax, name: string): ElementType {
    const compound = this.#compound;
    const types = this.#types;
    const report = this.#report;
    let first: ElementType | null = null;
    let last: Compound | null = null;
    for (const body of syntax.bodies) {
      this.#catchUp(body.begin.step);
      const landmark = this.#landmark(body.begin.token, syntax.first);
      const definition: Compound = new Compound(name, landmark, compound.depth + 1, body.formals);
      this.#compound = definition;
      this.#types = new TypeScope(types);
      const input = definition.add("input", TUNNEL, "", landmark);
      const output = definition.add("output", TUNNEL, "", landmark);
      definition.watch(input);
      definition.watch(output);
      this.#statements(body.statements);
      this.#compound = compound;
      this.#types = types;
      this.#catchUp(body.end.step);
      const shown = name === "" ? "<anonymous>" : name;
      definition.ninputs = checkFace(report, definition, input, "input", shown, landmark);
      definition.noutputs = checkFace(report, definition, output, "output", shown, landmark);
      for (let i = 0; i < definition.elements.length; i++) definition.nameElement(i);
      const type: ElementType = { kind: "compound", name, compound: definition };
      first ??= type;
      if (last !== null) last.overload = type;
      last = definition;
    }
    const { extension } = syntax;
    if (extension !== null && last !== null) {
      this.#catchUp(extension.step);
      const previous = this.#types.find(name) ?? (name === "" ? null : this.#whole.realClass(name));
      if (previous === null) {
        this.#error("unknown-class", extension, `cannot extend unknown element class '${name}'`);
      }
      last.overload = previous ?? this.#unknownType(name);
    }
    return first ?? this.#unknownType(name);
  }
}
