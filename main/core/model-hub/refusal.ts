/** Ends a look-up with its reason; never leaves the module. */
import type { HubProblem } from '../../../shared/model-files.ts';

export class HubRefusal extends Error {
  readonly problem: HubProblem;
  readonly detail: string;

  constructor(problem: HubProblem, detail = '') {
    super(detail || problem);
    this.name = 'HubRefusal';
    this.problem = problem;
    this.detail = detail;
  }
}
