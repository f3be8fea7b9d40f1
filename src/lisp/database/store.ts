// What the mapping database asks of whatever keeps its data: a router's store.

export { type Store as MappingStore, StoreError, type StoreOperation } from "../../router/store.js";
