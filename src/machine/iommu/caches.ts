/**
 * What the unit remembers: contexts by requester, translations by domain and page. Nothing leaves a cache because memory
 * changed; only an invalidation (or a newer entry, first in first out) removes it. That is what makes a stale translation
 * possible, and what the invalidation commands are for.
 */
import type { RequesterId } from '../bus/dma-port';
import type { EntryRead } from './entries';

/** What a context entry said when it was read. */
export interface CachedContext {
  requester: RequesterId;
  domain: number;
  passThrough: boolean;
  levels: 3 | 4;
  table: number;
  faultProcessingDisabled: boolean;
  /** the root and the context entry, as they were */
  entries: EntryRead[];
}

/** One translation, valid for every device of the domain. */
export interface CachedTranslation {
  domain: number;
  /** first I/O virtual address of the page */
  page: number;
  pageBytes: number;
  host: number;
  readable: boolean;
  writable: boolean;
  /** the paging entries, as they were */
  entries: EntryRead[];
}

const CONTEXT_CACHE_ENTRIES = 64;
const IOTLB_ENTRIES = 256;

const PAGE_SIZES = [4096, 2 * 1024 ** 2, 1024 ** 3];

export class ContextCache {
  private readonly entries = new Map<RequesterId, CachedContext>();

  lookup(requester: RequesterId): CachedContext | undefined {
    return this.entries.get(requester);
  }

  insert(context: CachedContext): void {
    this.entries.delete(context.requester);
    if (this.entries.size >= CONTEXT_CACHE_ENTRIES) this.entries.delete(this.entries.keys().next().value!);
    this.entries.set(context.requester, context);
  }

  /** Removes what `matches` says, all unless told. */
  invalidate(matches: (context: CachedContext) => boolean = () => true): void {
    for (const [key, context] of this.entries) if (matches(context)) this.entries.delete(key);
  }

  /** Oldest first. */
  list(): CachedContext[] {
    return [...this.entries.values()];
  }
}

export class Iotlb {
  private readonly entries = new Map<string, CachedTranslation>();

  lookup(domain: number, address: number): CachedTranslation | undefined {
    for (const size of PAGE_SIZES) {
      const entry = this.entries.get(key(domain, size, address - (address % size)));
      if (entry) return entry;
    }
    return undefined;
  }

  insert(entry: CachedTranslation): void {
    const name = key(entry.domain, entry.pageBytes, entry.page);
    this.entries.delete(name);
    if (this.entries.size >= IOTLB_ENTRIES) this.entries.delete(this.entries.keys().next().value!);
    this.entries.set(name, entry);
  }

  invalidate(matches: (entry: CachedTranslation) => boolean = () => true): void {
    for (const [name, entry] of this.entries) if (matches(entry)) this.entries.delete(name);
  }

  /** Oldest first. */
  list(): CachedTranslation[] {
    return [...this.entries.values()];
  }
}

const key = (domain: number, size: number, page: number): string => `${domain}:${size}:${page}`;
