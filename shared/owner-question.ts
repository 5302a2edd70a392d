/** Questions that the owner answers outside of the pages, so that no page can press the button. */
import { z } from 'zod';
import { machinesChangeSchema } from './machines.ts';
import { amountTextSchema, assetSchema } from './money.ts';

export const ownerQuestionSchema = z.discriminatedUnion('about', [
  /** A change that decides who may set the payout address. */
  z.object({
    about: z.literal('machines'),
    change: machinesChangeSchema,
    /** Name of the machine that it is about, with the end of its peer ID; null where it isn't known yet. */
    machine: z.string().max(100).nullable(),
  }),
  /** A balance that a customer of the storefront is said to have paid elsewhere. */
  z.object({
    about: z.literal('credit'),
    /** Name or ID. */
    customer: z.string().max(100),
    asset: assetSchema,
    amount: amountTextSchema,
  }),
]);
export type OwnerQuestion = z.infer<typeof ownerQuestionSchema>;
export type QuestionAbout<About extends OwnerQuestion['about']> = Extract<OwnerQuestion, { about: About }>;
