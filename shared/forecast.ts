/** What a day is expected to bring, as a range, with what it rests on; and how earlier forecasts did. */
import { z } from 'zod';
import { amountTextSchema } from './money.ts';

const range = <Bound extends z.ZodType>(bound: Bound) => z.object({ low: bound, high: bound });

export const forecastSchema = z.object({
  /** Base units a day, before power. */
  earned: range(amountTextSchema),
  /** The same for the power that the work takes; null where watts or price are not known. */
  power: range(amountTextSchema).nullable(),
  /** `earned` less `power`, may be less than nothing; null where `power` is. */
  net: range(amountTextSchema).nullable(),
  basis: z.object({
    model: z.string(),
    /** Measured here: one answer at a time, within the owner's comfort. */
    prefillTokensPerSecond: z.number().positive(),
    decodeTokensPerSecond: z.number().positive(),
    /** `market`: offers of others for the same model file; `own`: there are none. Practice is no market. */
    price: z.enum(['market', 'own']),
    offers: z.number().int().nonnegative(),
    /** Hours a day. `history`: of the last days; `schedule`: what the owner's hours allow at most. */
    hours: range(z.number().nonnegative()).extend({ from: z.enum(['history', 'schedule']) }),
    /** Share of those hours in which somebody asks, 0 to 1. `unknown`: from nobody to everybody. */
    use: range(z.number().min(0).max(1)).extend({ from: z.enum(['history', 'unknown']) }),
    /** Tokens read for each one written. */
    readPerWritten: range(z.number().nonnegative()).extend({ from: z.enum(['history', 'assumed']) }),
    /** What the work takes beyond the idle machine; null where no sensor tells. */
    watts: z.number().nonnegative().nullable(),
    powerPriceMicroUsd: z.number().int().nonnegative().nullable(),
  }),
});
export type Forecast = z.infer<typeof forecastSchema>;

/** A day that is over: what was expected in its morning, and what came. */
export const forecastScoreSchema = z.object({
  day: z.string(),
  earned: range(amountTextSchema),
  came: amountTextSchema,
});
export type ForecastScore = z.infer<typeof forecastScoreSchema>;
