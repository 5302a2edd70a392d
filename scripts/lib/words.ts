/**
 * Rules of plain English for comments, documentation, test titles, messages and the English interface strings. Each
 * rule finds a phrase that is never right here, so that a finding needs no judgment. docs/glossary.md has the terms.
 */
import { type Prose, type ProseKind, readProse } from './prose.ts';

export interface Finding {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly phrase: string;
  readonly instead: string;
  readonly why: string;
}

interface Rule {
  /** Spaces match line breaks too. */
  readonly pattern: RegExp;
  readonly instead: string;
  readonly why: string;
  /** Default: all kinds. */
  readonly kinds?: readonly ProseKind[];
}

const ARCHAIC = 'archaic or translated: use the everyday word';
const TWO_MEANINGS = 'has two meanings';
const NOT_A_PERSON = 'programs aren’t people: name the operation';
const TERM = 'is not the term of docs/glossary.md';
const AMERICAN = 'spelling is American';

/** Nouns for things that compute or store, as subjects of verbs that need a mind. */
const THING =
  '(?:agent|app|chain|client|code|contract|database|engine|file|gateway|kernel|ledger|library|log|node|page|peer|process|program|provider|requester|sensor|server|service|shell|system|test|wallet|window)s?';

const PHRASES: readonly Rule[] = [
  { pattern: /\ball at once\b|\bat once\b/, instead: 'immediately, or concurrently', why: TWO_MEANINGS },
  { pattern: /\bby (?:itself|themselves)\b/, instead: 'automatically, or alone', why: TWO_MEANINGS },
  { pattern: /\bof (?:its|their) own accord\b/, instead: 'automatically', why: ARCHAIC },
  {
    pattern: /\b(?:goes|go|going|went|gone) on\b(?! (?:the chain|a chain))/,
    instead: 'continues, resumes',
    why: ARCHAIC,
  },
  {
    pattern: /\b(?:is|are|was|were|be) kept\b(?! (?:on(?! disk)|awake|apart|in sync|from))/,
    instead: 'is stored, stays',
    why: TWO_MEANINGS,
    kinds: ['head', 'doc', 'comment', 'markdown', 'title'],
  },
  { pattern: /\b(?:in|into) force\b/, instead: 'active, valid', why: ARCHAIC },
  { pattern: /\bdear(?:er|est)?\b/, instead: 'expensive, or peak hours', why: ARCHAIC },
  { pattern: /\bcheap hours?\b/, instead: 'off-peak hours', why: TERM },
  { pattern: /\bthere(?: i|’|')s no (?:saying|telling|knowing)\b/, instead: 'is unknown', why: ARCHAIC },
  { pattern: /\bbelieved\b/, instead: 'accepted, trusted', why: NOT_A_PERSON },
  {
    pattern: /\b(?:is|are|was|were|be|been|being|isn.t|aren.t) told\b/,
    instead: 'is notified, receives',
    why: NOT_A_PERSON,
  },
  {
    pattern: /\b(?:tells?|told) of\b|\btells whether\b/,
    instead: 'reports, returns true if',
    why: NOT_A_PERSON,
  },
  { pattern: /\bhea(?:rs?|rd|ring) of\b/, instead: 'is notified, detects', why: NOT_A_PERSON },
  { pattern: /\bmend(?:s|ed|ing)?\b/, instead: 'fix', why: ARCHAIC },
  { pattern: /\bheed(?:s|ed|ing)?\b/, instead: 'respect, pause for', why: ARCHAIC },
  { pattern: /\bwhat (?:is|was|are|we) owed\b/, instead: 'the balance due', why: TERM },
  { pattern: /\ball the same\b(?=[.,;:)]|\s*$)/, instead: 'still, too', why: 'is translated' },
  { pattern: /\b(?:kept|keeps|keep) aside\b/, instead: 'set aside', why: 'is translated' },
  { pattern: /\bmoved by hand\b/, instead: 'that the test moves', why: 'is translated' },
  {
    pattern: /\bwhatever (?!the\b|its?\b|their\b)/,
    instead: 'regardless of what, even if, any',
    why: 'is translated',
  },
  {
    pattern: /\bthat lies?(?=[.,;:)])|\blying (?:node|peer|provider|facilitator)s?\b/,
    instead: 'wrong, that returns wrong values',
    why: NOT_A_PERSON,
  },
  { pattern: /\banew\b/, instead: 'again', why: ARCHAIC },
  { pattern: /\bbesides?\b/, instead: 'next to, alongside, in addition to', why: ARCHAIC },
  { pattern: /\balso when\b/, instead: 'even if', why: 'is translated' },
  { pattern: /\bfor so long\b/, instead: 'for this long', why: 'is translated' },
  {
    pattern: /\b(?:lest|whilst|amongst|hence|thereof|therein|thereby|wherein|whence)\b/,
    instead: 'an everyday word',
    why: ARCHAIC,
  },
  {
    pattern: /(?<!\bare )\bas (?:it is|they are|it was|they were)(?=[.,;:)]| and\b|\s*$)/,
    instead: 'unchanged',
    why: 'is translated',
  },
  { pattern: /\bin all(?=[.,;:)]|\s*$)/, instead: 'in total', why: 'is translated' },
  { pattern: /\bstands\b/, instead: 'is, represents', why: 'is translated' },
  {
    pattern: /\b(?:next|each|every|first|last|per|one|later|earlier) look\b/,
    instead: 'check, poll',
    why: 'is translated',
  },
  {
    pattern:
      /\b(?:limit|total|receipt|account|rule|guarantee|invariant|property)s?(?: does not| doesn.t| do not)? holds?(?=[.,;:)]| (?:and|for|at|in|when|if|afterwards?)\b|\s*$)/,
    instead: 'is valid, is guaranteed, is kept',
    why: TWO_MEANINGS,
  },
  {
    pattern:
      /(?:\d|\b(?:tokens|jobs|requests|messages|events|bytes|[kMG]i?B|steps|times|words|signatures|samples)) an? (?:second|minute|hour)\b/,
    instead: 'tokens/s, per second, per hour',
    why: 'a rate is written with “per” or a unit',
  },
  {
    pattern: /\b(?:who|he|she) (?:does not|doesn.t|do not|don.t)\b/,
    instead: 'a named subject',
    why: NOT_A_PERSON,
  },
  { pattern: /^who(?:ever)?\b|[.;] Who(?:ever)?\b/i, instead: 'a named subject', why: NOT_A_PERSON },
  { pattern: new RegExp(`\\b${THING},? whom?\\b`), instead: 'that, which', why: NOT_A_PERSON },
  {
    pattern: new RegExp(
      `\\b${THING} (?:says?|said|knows?|knew|hears?|heard|believes?|thinks?|thought|wants?|wishes|promises|hopes|likes|errs)\\b`,
    ),
    instead: 'returns, reports, detects, stores, requires',
    why: NOT_A_PERSON,
  },
  { pattern: /\bowner.s (?:hand|word|touch)s?\b/, instead: 'owner input', why: TERM },
  { pattern: /\bgiv(?:e|es|en|ing) back\b/, instead: 'hand-back', why: TERM },
  { pattern: /\bpurses?\b/, instead: 'payment client', why: TERM },
  { pattern: /\b(?:a|the|its|provider.s|payment) tills?\b/, instead: 'payment gate', why: TERM },
  { pattern: /\bdoors?\b/, instead: 'proxy, access, public interface', why: TERM },
  { pattern: /\b(?:the|secret) desks?\b/, instead: 'secret handlers, shell client', why: TERM },
  {
    pattern: /\b(?:the|its|our|two|both) books\b|\b(?:re)?booked\b|\bunbooked\b/,
    instead: 'ledger, recorded',
    why: TERM,
  },
  { pattern: /\bbookings?\b(?!\.ts)/, instead: 'ledger entry, record', why: TERM },
  { pattern: /\bsellers?\b/, instead: 'provider', why: TERM },
  { pattern: /\bpass phrases?\b/, instead: 'passphrase', why: TERM },
  { pattern: /\bstand-ins?\b/, instead: 'fake, stub', why: TERM },
  { pattern: /\bbent (?:receipt|voucher|signature)s?\b/, instead: 'tampered', why: TERM },
  { pattern: /\bgraphics cards?\b/, instead: 'GPU', why: TERM },
  { pattern: /\b(?:a|the|each|every|planned|prepared|of) spends?\b/, instead: 'transfer', why: TERM },
  {
    pattern: /\bat most (?=\d|\{\{)/,
    instead: 'up to',
    why: 'interface strings say “up to”',
    kinds: ['string'],
  },
];

/** British spellings, as the parts that differ, and American ones. */
const BRITISH: ReadonlyMap<RegExp, string> = new Map([
  [/(?<!--)\b(?:behavi|col|fav|hon|neighb|lab|harb|rum|hum)our\w*/, '-or'],
  [
    /\b(?:recogn|organ|initial|serial|optim|normal|real|summar|general|minim|maxim|synchron|author|final|custom|central|decentral|visual|emphas|material|priorit|token|util|stabil|anonym|capital|categor|random|standard|local|special|formal|apolog|critic|character|neutral|personal|equal|penal)is(?:e[ds]?|ing|ers?|ations?|able)\b/,
    '-ize',
  ],
  [/\banalys(?:e[ds]?|ing)\b/, 'analyze'],
  [/\b(?:cancell|labell|modell|travell|signall|channell|fuell|totall|diall)(?:ed|ing|er)\b/, 'one l'],
  [/\b(?:licen|defen|offen|preten)ce\b/, '-se'],
  [/\b(?:cent|fib|met|lit|theat)res?\b/, '-er'],
  [/\bcatalogues?\b/, 'catalog'],
  [/\bgrey\w*/, 'gray'],
  [/\bprogrammes?\b/, 'program'],
  [/\bartefacts?\b/, 'artifact'],
  [/\bjudgement\b/, 'judgment'],
  [/\btowards\b/, 'toward'],
  [/\b(?:learnt|spelt|burnt|dreamt)\b/, '-ed'],
]);

const QUESTION_WORDS = '(?:who|whose|what|how|whether|why|which|where)(?:ever)?';
const STARTS: readonly Rule[] = [
  {
    pattern: new RegExp(`^\\s*${QUESTION_WORDS}\\b`, 'i'),
    instead: 'a verb or a noun',
    why: 'a file head and a doc comment start with what the code does',
    kinds: ['head', 'doc'],
  },
  {
    pattern: new RegExp(`^\\s*${QUESTION_WORDS}\\b`, 'i'),
    instead: 'a verb, or the subject of the rule',
    why: 'a test title states behavior in the present tense',
    kinds: ['title'],
  },
  {
    pattern: new RegExp(`^#+ ${QUESTION_WORDS}\\b`, 'im'),
    instead: 'a noun that a reader would search for',
    why: 'a heading is a noun',
    kinds: ['markdown'],
  },
];

const SPELLINGS: readonly Rule[] = [...BRITISH].map(([pattern, instead]) => ({
  pattern,
  instead,
  why: AMERICAN,
}));
const RULES: readonly Rule[] = [...PHRASES, ...SPELLINGS, ...STARTS].map((rule) => ({
  ...rule,
  pattern: new RegExp(
    rule.pattern.source.replaceAll(' ', '\\s+'),
    `${rule.pattern.flags.replace('i', '')}gi`,
  ),
}));

/** Returns the findings of one file in the order of its lines; none for a kind of file without prose. */
export function findWords(file: string, text: string): Finding[] {
  return (readProse(file, text) ?? [])
    .flatMap((prose) => RULES.flatMap((rule) => findingsOf(rule, prose)))
    .map((finding) => ({ file, ...finding }))
    .sort((a, b) => a.line - b.line);
}

function findingsOf({ pattern, instead, why, kinds }: Rule, prose: Prose): Omit<Finding, 'file'>[] {
  if (kinds !== undefined && !kinds.includes(prose.kind)) return [];
  return [...prose.text.matchAll(pattern)].map((match) => ({
    line: prose.line + prose.text.slice(0, match.index).split('\n').length - 1,
    phrase: match[0].trim().replace(/\s+/g, ' '),
    instead,
    why,
  }));
}
