/** Public interface of settings: the owner's choices over the defaults. */
export { createSettings, readChosenSettings, type SettingsService } from './settings.ts';
