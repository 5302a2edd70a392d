/** Receives the reports of buyers on answers of this provider that they checked. */
import type { Hono } from 'hono';
import { AppError } from '../../../shared/errors.ts';
import { CHECK_REPORTS_PATH } from '../../../shared/wire.ts';
import { mayExceed, readJsonBody } from '../openai-http/index.ts';
import type { BodyPlaces } from './body-places.ts';
import { peerOf } from './requester.ts';

/** See `take` of the received checks in core/answer-checks, which validates the report. */
export type TakeReport = (peer: string, jobId: string, report: unknown) => void;

const REPORT_BYTES_MAX = 1_024;

export interface CheckReportsParts {
  readonly bodies: BodyPlaces;
  readonly take: TakeReport;
}

export function addCheckReports(app: Hono, { bodies, take }: CheckReportsParts): void {
  app.post(`${CHECK_REPORTS_PATH}/:id`, async (context) => {
    if (mayExceed(context, REPORT_BYTES_MAX)) {
      const message = `A report has at most ${REPORT_BYTES_MAX} bytes and a Content-Length header.`;
      throw new AppError('bad-request', message);
    }
    const peer = peerOf(context);
    const leave = bodies.enter(peer, false);
    try {
      take(peer, context.req.param('id'), await readJsonBody(context));
    } finally {
      leave();
    }
    return context.body(null, 204);
  });
}
