/** Table of all commands, one entry each. */
import type { Command } from './index.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  backup: {
    summary:
      'Writes a whole data folder, without models and logs, into one file; the agent may keep running.',
    usage: '[--home DIR] --out FILE',
    load: async () => ({ run: (await import('./backup.ts')).backUp }),
  },
  restore: {
    summary:
      'Restores a backup into a data folder that doesn’t exist yet or is empty; --check only prints what it contains.',
    usage: '[--home DIR] --in FILE [--check]',
    load: async () => ({ run: (await import('./backup.ts')).restore }),
  },
  rollback: {
    summary:
      'After a return to an earlier version of Idlewatt, goes back to the copy of the database from before the upgrade.',
    usage: '[--home DIR] [--accept-loss ENTRIES]',
    load: () => import('./rollback.ts'),
  },
  pair: {
    summary:
      'Shows a code with which a browser on this machine keeps its access to the pages; needs the running agent.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./pair.ts')).pair }),
  },
  'pair list': {
    summary: 'Lists the paired browsers.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./pair.ts')).list }),
  },
  'pair revoke': {
    summary: 'Takes the access from a paired browser and closes its pages.',
    usage: '[--home DIR] ID',
    load: async () => ({ run: (await import('./pair.ts')).revoke }),
  },
  'pair machine': {
    summary:
      'Shows a code with which another machine of this LAN joins the owner’s machines; needs the running agent.',
    usage: '[--home DIR] [--role owner|use|serve]',
    load: async () => ({ run: (await import('./machines.ts')).invite }),
  },
  'pair join': {
    summary:
      'Asks for that code on the other machine and joins; before its agent is started. --outside: it keeps selling to others.',
    usage: '[--home DIR] [--name NAME] [--outside]',
    load: async () => ({ run: (await import('./machines.ts')).join }),
  },
  'machines list': {
    summary: 'Lists the owner’s machines with their roles and what they do.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./machines.ts')).list }),
  },
  'machines pause': {
    summary: 'Pauses one of the owner’s machines, or all of them.',
    usage: '[--home DIR] [NAME]',
    load: async () => ({ run: (await import('./machines.ts')).pause }),
  },
  'machines resume': {
    summary: 'Ends that pause.',
    usage: '[--home DIR] [NAME]',
    load: async () => ({ run: (await import('./machines.ts')).resume }),
  },
  'machines found': {
    summary: 'Makes this machine, which sells to others, the first of its owner’s machines.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./machines.ts')).found }),
  },
  'machines payout': {
    summary:
      'Shows or sets one payout address for all machines that sell to others; `own` leaves it to each. Asks first.',
    usage: '[--home DIR] [--yes] [ADDRESS|own]',
    load: async () => ({ run: (await import('./machines.ts')).payout }),
  },
  'machines leave': {
    summary: 'Leaves the network of the owner’s machines. Asks first.',
    usage: '[--home DIR] [--yes]',
    load: async () => ({ run: (await import('./machines.ts')).leave }),
  },
  'machines remove': {
    summary: 'Takes a machine out of the owner’s network; only on an owner’s machine.',
    usage: '[--home DIR] NAME',
    load: async () => ({ run: (await import('./machines.ts')).remove }),
  },
  'identity show': {
    summary:
      'Prints this machine’s peer ID, the same as a DID, whether an external payout address is bound to it, and its earlier peer IDs.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./identity.ts')).show }),
  },
  'identity message': {
    summary:
      'Prints the text (EIP-712) that a payout address whose key isn’t on this machine signs to vouch for its peer, for any wallet.',
    usage: '[--home DIR] [--days N]',
    load: async () => ({ run: (await import('./identity.ts')).message }),
  },
  'identity bind': {
    summary:
      'Asks for that signature, verifies it, for a contract wallet on the chain (ERC-1271), and stores it for the next offers.',
    usage: '[--home DIR] [--network base|base-sepolia] [--rpc URL]',
    load: async () => ({ run: (await import('./identity.ts')).bind }),
  },
  'identity rotate': {
    summary:
      'Replaces the peer key while the agent is stopped; the good name moves along. --stolen: the former key is revoked instead.',
    usage: '[--stolen] [--home DIR] [--practice] [--passphrase-file FILE]',
    load: async () => ({ run: (await import('./identity.ts')).rotate }),
  },
  'horde show': {
    summary: 'Shows what the worker for the AI Horde does, and why it has no jobs; needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./horde.ts')).show }),
  },
  'horde key': {
    summary: 'Asks for the API key of the AI Horde and stores it; an empty one removes it.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./horde.ts')).key }),
  },
  'horde set': {
    summary:
      'Turns the worker on or off and chooses its models by ID, each with its name there if it needs another one.',
    usage:
      '[--home DIR] [--on | --off] [--model ID[=NAME]]... [--name NAME] [--url URL|default] [--nsfw yes|no]',
    load: async () => ({ run: (await import('./horde.ts')).set }),
  },
  'sources order': {
    summary:
      'Shows or sets which source’s jobs come first: `pay` is the better pay, otherwise market, bittensor and horde in order.',
    usage: '[--home DIR] [pay|SOURCE,SOURCE,SOURCE]',
    load: async () => ({ run: (await import('./sources.ts')).order }),
  },
  'bittensor show': {
    summary:
      'Shows this machine’s Bittensor hotkey, and the hotkeys that may use it; needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./bittensor.ts')).show }),
  },
  'bittensor allow': {
    summary: 'Lets a hotkey use this machine for free, with requests that it signs.',
    usage: 'HOTKEY [--name NAME] [--home DIR]',
    load: async () => ({ run: (await import('./bittensor.ts')).allow }),
  },
  'bittensor forget': {
    summary: 'Takes a hotkey off that list.',
    usage: 'HOTKEY [--home DIR]',
    load: async () => ({ run: (await import('./bittensor.ts')).forget }),
  },
  why: {
    summary: 'Prints why nothing is earned now and what would change it; needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: () => import('./why.ts'),
  },
  logs: {
    summary: 'Prints the log; with --follow also new lines as they are written.',
    usage: '[--home DIR] [--follow] [--level LEVEL] [--component NAME] [--lines N] [--json]',
    load: () => import('./logs.ts'),
  },
  report: {
    summary: 'Writes versions, settings, sensor states and the recent log into a zip file, for a bug report.',
    usage: '--out FILE [--home DIR]',
    load: () => import('./report.ts'),
  },
  'ledger export': {
    summary:
      'Writes the ledger as CSV or Beancount, for a tax program, or as a yearly summary (PDF), with fiat values where a rate is known.',
    usage:
      '[--home DIR] --format csv|beancount|koinly|cointracker|pdf [--from DAY] [--to DAY] [--rates FILE] [--out FILE]',
    load: () => import('./ledger-export.ts'),
  },
  'ledger verify': {
    summary:
      'Recomputes every balance from receipts and chain, and names each difference; exit code 1 if there is one.',
    usage: '[--home DIR] [--rpc URL] [--json]',
    load: () => import('./ledger-verify.ts'),
  },
  'channels list': {
    summary: 'Lists deposits with providers that can be taken back; needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./channels.ts')).list }),
  },
  'channels refund': {
    summary:
      'Takes deposits back: from the provider immediately, or with --on-chain by a withdrawal that you finish later.',
    usage: 'CHANNEL|all [--on-chain] [--home DIR]',
    load: async () => ({ run: (await import('./channels.ts')).refund }),
  },
  'keys list': {
    summary: 'Lists the API keys of the gateway with what they spent and may spend; needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./keys.ts')).list }),
  },
  'keys add': {
    summary:
      'Adds an API key and shows it, once; amounts are in the network’s token. Needs the running agent.',
    usage:
      'NAME [--day AMOUNT] [--total AMOUNT] [--expires DAY] [--per-minute N] [--concurrent N] [--home DIR] [--json]',
    load: async () => ({ run: (await import('./keys.ts')).add }),
  },
  'keys change': {
    summary: 'Changes limits of an API key; "none" takes one away. Needs the running agent.',
    usage:
      'ID [--day AMOUNT] [--total AMOUNT] [--expires DAY] [--per-minute N] [--concurrent N] [--home DIR]',
    load: async () => ({ run: (await import('./keys.ts')).change }),
  },
  'keys revoke': {
    summary:
      'Takes an API key out of use; this machine’s own key gets a new secret. Needs the running agent.',
    usage: 'ID [--home DIR]',
    load: async () => ({ run: (await import('./keys.ts')).revoke }),
  },
  'customers list': {
    summary: 'Lists the customers of the storefront with their balances; needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./storefront.ts')).listCustomers }),
  },
  'customers add': {
    summary: 'Adds a customer of the storefront and shows the API key, once. Needs the running agent.',
    usage: 'NAME [--home DIR] [--json]',
    load: async () => ({ run: (await import('./storefront.ts')).addCustomer }),
  },
  'customers credit': {
    summary: 'Adds what a customer paid you to its balance, in the network’s token. Needs the running agent.',
    usage: 'ID AMOUNT [--home DIR]',
    load: async () => ({ run: (await import('./storefront.ts')).creditCustomer }),
  },
  'customers payout': {
    summary:
      'Pays a customer’s balance out to an address, by default the one that paid, and asks for confirmation; ' +
      'with --elsewhere only records that you paid it back. Needs the running agent.',
    usage: 'ID|ADDRESS [--to ADDRESS|--elsewhere] [--home DIR]',
    load: async () => ({ run: (await import('./storefront.ts')).payoutCustomer }),
  },
  'customers revoke': {
    summary: 'Takes a customer’s API key out of use. Needs the running agent.',
    usage: 'ID [--home DIR]',
    load: async () => ({ run: (await import('./storefront.ts')).revokeCustomer }),
  },
  'visitors list': {
    summary: 'Lists the addresses that the storefront refuses. Needs the running agent.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./storefront.ts')).listBlocked }),
  },
  'visitors block': {
    summary: 'Refuses an IP address, or a payer by its address on the chain. Needs the running agent.',
    usage: 'ADDRESS [--home DIR]',
    load: async () => ({ run: (await import('./storefront.ts')).block }),
  },
  'visitors unblock': {
    summary: 'Serves a blocked address again. Needs the running agent.',
    usage: 'ADDRESS [--home DIR]',
    load: async () => ({ run: (await import('./storefront.ts')).unblock }),
  },
  'visitors reports': {
    summary: 'Lists the reports of abuse that the storefront received. Needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: async () => ({ run: (await import('./storefront.ts')).listReports }),
  },
  'wallet create': {
    summary: 'Creates the first wallet of a data folder and shows its recovery phrase, once.',
    usage: '[--home DIR] [--practice] [--passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).create }),
  },
  'wallet import': {
    summary: 'Replaces the wallet from the next start; the current keystore file is set aside.',
    usage: 'phrase|key|keystore [--file FILE] [--home DIR] [--practice] [--passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).importSecret }),
  },
  'wallet export': {
    summary: 'Writes a keystore V3 file encrypted with a passphrase of its own.',
    usage: '--out FILE [--home DIR] [--practice] [--passphrase-file FILE] [--export-passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).exportKeystore }),
  },
  'wallet drill': {
    summary: 'Checks your backup by asking for a few words; real money is paid out only after that.',
    usage: '[--home DIR] [--practice] [--passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).drill }),
  },
  'wallet payout': {
    summary: 'Sets the address that earnings go to from the next start; its key need not be on this machine.',
    usage: 'ADDRESS|own [--home DIR]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).payout }),
  },
  'wallet send': {
    summary: 'Sends after showing every detail and asking for confirmation; needs the running agent.',
    usage: 'token|coin AMOUNT|all ADDRESS [--small-test] [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).send }),
  },
  'wallet pending': {
    summary: 'Shows the transfers that are waiting for confirmation; needs the running agent.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).pending }),
  },
  'wallet confirm': {
    summary: 'Shows one of them with every detail and asks for confirmation; needs the running agent.',
    usage: 'ID [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).confirm }),
  },
  'wallet history': {
    summary: 'Shows past transfers and their state; needs the running agent.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).history }),
  },
  'wallet speed-up': {
    summary: 'Replaces a pending transaction by the same one with a higher fee; needs the running agent.',
    usage: 'HASH [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).speedUp }),
  },
  'wallet cancel': {
    summary: 'Replaces a pending transaction by one that does nothing; needs the running agent.',
    usage: 'HASH [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).cancel }),
  },
};
