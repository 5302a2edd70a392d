/** Public interface of settings: the owner's choices over the defaults. */
export { createSettings, type SettingsService } from './settings.ts';
