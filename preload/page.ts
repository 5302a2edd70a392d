/**
 * What the pages get of the desktop: a way to ask for a port to the agent, a way to have the shell open its
 * window for secrets (and learn nothing of it), and the platform's name.
 */
import { contextBridge, ipcRenderer } from 'electron';

ipcRenderer.on('idlewatt-port', (event) => {
  // To this page's own origin only; a port is the right to speak as this page.
  window.postMessage('idlewatt-port', window.location.origin, event.ports);
});

contextBridge.exposeInMainWorld('idlewatt', {
  connect: () => ipcRenderer.send('idlewatt-connect'),
  openSecret: (task: unknown) => ipcRenderer.send('idlewatt-open-secret', task),
  platform: process.platform,
});
