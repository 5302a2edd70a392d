/** Public interface of the model hub: looks up links to model files, and adds models by link. */
export { createModelHub, type LookUp, type ModelHub, type ModelHubOptions } from './hub.ts';
export { type HubLink, parseHubLink } from './link.ts';
export { createLinkedModels, type LinkedModels } from './linked-models.ts';
export { HubRefusal } from './refusal.ts';
export { createHubFetch, HUB_SITE, type HubSite, RedirectRefused } from './site.ts';
