/**
 * The reason for choosing a provider for a request, as one line of text: the gateway's response header, and the note of the bought
 * job's first step. For example `cheapest; of=7; price=45; time=0.5; failure=2.1; standing=1`.
 */

/** Reasons, as the interface names them. */
export const CHOICE_REASONS = [
  /** No other provider could be asked. */
  'only',
  'cheapest',
  /** Its answer is expected to end sooner, at the same or nearly the same price. */
  'faster',
  /** A cheaper one has failed or isn't known, and would be expected to cost more. */
  'reliable',
  /** A cheaper one has no free slot. */
  'free',
  /** It has the beginning of the conversation. */
  'holder',
  /** Better ones were tried before. */
  'next',
  /** The first one was late. */
  'late',
] as const;
export type ChoiceReason = (typeof CHOICE_REASONS)[number];

export interface ChoiceNote {
  readonly reason: ChoiceReason;
  /** Number of providers that were compared. */
  readonly of: number;
  /** The most that the request costs, and the surcharges with which providers were compared, in base units. */
  readonly price: number;
  readonly time: number;
  readonly failure: number;
  readonly standing: number;
}

const AMOUNT = String.raw`(\d{1,30}(?:\.\d{1,2})?)`;
const FORMAT = new RegExp(
  String.raw`^([a-z]+); of=(\d{1,9}); price=${AMOUNT}; time=${AMOUNT}; failure=${AMOUNT}; standing=${AMOUNT}$`,
);

export function writeChoice({ reason, of, price, time, failure, standing }: ChoiceNote): string {
  const amounts = { price, time, failure, standing };
  const written = Object.entries(amounts).map(([name, value]) => `${name}=${decimal(value)}`);
  return [reason, `of=${of}`, ...written].join('; ');
}

/** Returns null for any other text: earlier versions wrote no such note. */
export function readChoice(text: string): ChoiceNote | null {
  const [, word, of, ...amounts] = FORMAT.exec(text) ?? [];
  const reason = CHOICE_REASONS.find((each) => each === word);
  const [price, time, failure, standing] = amounts.map(Number);
  if (reason === undefined || price === undefined || time === undefined) return null;
  if (failure === undefined || standing === undefined) return null;
  return { reason, of: Number(of), price, time, failure, standing };
}

/** Without exponent, to at most two decimals. */
function decimal(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : String(Math.round(value * 100) / 100);
}
