/** Names of the networks that an agent can join. Free of schemas: the shell's first script imports it. */
export const PROFILES = ['practice', 'office', 'open'] as const;
