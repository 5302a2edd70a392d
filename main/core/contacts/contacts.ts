/** Register of the hosts that this machine contacted, kept over restarts and limited in size. */
import { z } from 'zod';
import { type Contact, type ContactPurpose, contactSchema } from '../../../shared/contacts.ts';
import { isLoopbackHost } from '../../../shared/loopback.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface Contacts {
  /** Counts a request or connection. Hosts of this machine, and names that can't exist, are left out. */
  note(host: string, purpose: ContactPurpose): void;
  /** The last contacted first. */
  list(): readonly Contact[];
  stop(): void;
}

const COLLECTION = 'contacts';
const KEY = 'hosts';
const HOSTS_MAX = 300;
/** Nodes of the public DHT, of which a lookup asks dozens: they must not push out all others. */
const DIRECTORY_HOSTS_MAX = 60;
const HOST_CHARACTERS_MAX = 255;
const WRITE_EVERY_MS = 60_000;

const storedSchema = z.array(contactSchema).max(HOSTS_MAX);

export function createContacts(parts: {
  readonly clock: Clock;
  readonly records: RecordStore;
  /** A host was contacted for the first time. */
  readonly onNew: (contact: Contact) => void;
}): Contacts {
  const { clock, records } = parts;
  const hosts = new Map(
    readStored(records).map((contact) => [keyOf(contact.host, contact.purpose), contact]),
  );
  let isDirty = false;
  const timer: Timer = clock.every(WRITE_EVERY_MS, write);

  function list(): readonly Contact[] {
    return [...hosts.values()].sort((left, right) => right.lastAtMs - left.lastAtMs);
  }

  /** The host to forget; undefined while none has to be. */
  function surplus(): Contact | undefined {
    const directory = list().filter(({ purpose }) => purpose === 'directory');
    if (directory.length > DIRECTORY_HOSTS_MAX) return directory.at(-1);
    return hosts.size > HOSTS_MAX ? list().at(-1) : undefined;
  }

  function write(): void {
    if (!isDirty) return;
    isDirty = false;
    records.set(COLLECTION, KEY, JSON.stringify(list()));
  }

  return {
    note(named, purpose) {
      const host = named.toLowerCase().slice(0, HOST_CHARACTERS_MAX);
      if (host === '' || host.endsWith('.invalid') || isOwn(host)) return;
      const key = keyOf(host, purpose);
      const known = hosts.get(key);
      const contact = { host, purpose, lastAtMs: clock.now(), count: (known?.count ?? 0) + 1 };
      hosts.set(key, contact);
      isDirty = true;
      if (known !== undefined) return;
      const oldest = surplus();
      if (oldest) hosts.delete(keyOf(oldest.host, oldest.purpose));
      parts.onNew(contact);
    },
    list,
    stop() {
      timer.cancel();
      write();
    },
  };
}

function keyOf(host: string, purpose: ContactPurpose): string {
  return `${purpose} ${host}`;
}

function isOwn(host: string): boolean {
  return isLoopbackHost(host) || host === '::1' || host === '0.0.0.0' || /^127(\.\d+){3}$/.test(host);
}

/** Starts with an empty record if the stored one is damaged or of an older version. */
function readStored(records: RecordStore): readonly Contact[] {
  const text = records.get(COLLECTION, KEY);
  const parsed = text === null ? null : storedSchema.safeParse(JSON.parse(text));
  return parsed?.success ? parsed.data : [];
}
