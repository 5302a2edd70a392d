/** Limits of a search for jobs, which is answered while everything else in the agent waits. */

/** Newest jobs of one side and outcome that a search looks at. */
export const JOBS_SEARCHED_MAX = 20_000;

/** Longest text to search for: as long as the longest ID of a peer, with room. */
export const JOB_SEARCH_CHARACTERS_MAX = 100;
