/** Forecast of a day's earnings as a range, with its basis, and the scores of earlier forecasts. */
import { z } from 'zod';
import { amountTextSchema } from './money.ts';

/** Power draw of the work beyond the idle machine, on average. */
export const workWattsSchema = z.object({
  value: z.number().nonnegative(),
  /** `sensor`: the measured average of this machine; `setting`: the owner's figure. */
  source: z.enum(['sensor', 'setting']),
});
export type Watts = z.infer<typeof workWattsSchema>;

const range = <Bound extends z.ZodType>(bound: Bound) => z.object({ low: bound, high: bound });

export const forecastSchema = z.object({
  /** Base units per day, before electricity. */
  earned: range(amountTextSchema),
  /** Electricity cost of the work, in the same unit; null if power draw or price is unknown. */
  power: range(amountTextSchema).nullable(),
  /** `earned` minus `power`, possibly negative; null if `power` is null. */
  net: range(amountTextSchema).nullable(),
  basis: z.object({
    model: z.string(),
    /** Measured on this machine: one stream, at the owner's intensity. */
    prefillTokensPerSecond: z.number().positive(),
    decodeTokensPerSecond: z.number().positive(),
    /**
     * `market`: offers of other peers for the same model file; `own`: there are none. The practice network is no
     * market.
     */
    price: z.enum(['market', 'own']),
    offers: z.number().int().nonnegative(),
    /** Hours per day. `history`: of the last days; `schedule`: the maximum that the owner's hours allow. */
    hours: range(z.number().nonnegative()).extend({ from: z.enum(['history', 'schedule']) }),
    /** Share of those hours with jobs, 0 to 1. `unknown`: the whole range. */
    use: range(z.number().min(0).max(1)).extend({ from: z.enum(['history', 'unknown']) }),
    /** Prompt tokens per generated token. */
    readPerWritten: range(z.number().nonnegative()).extend({ from: z.enum(['history', 'assumed']) }),
    /** Power draw of the work beyond that of the idle machine; null while it is unknown. */
    watts: workWattsSchema.nullable(),
    powerPriceMicroUsd: z.number().int().nonnegative().nullable(),
  }),
});
export type Forecast = z.infer<typeof forecastSchema>;

/** A past day: the forecast in its morning, and the actual earnings. */
export const forecastScoreSchema = z.object({
  day: z.string(),
  earned: range(amountTextSchema),
  came: amountTextSchema,
});
export type ForecastScore = z.infer<typeof forecastScoreSchema>;
