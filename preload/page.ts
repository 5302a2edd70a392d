/** What the pages get of the desktop: a way to ask for a port to the agent, and the platform's name. */
import { contextBridge, ipcRenderer } from 'electron';

ipcRenderer.on('idlewatt-port', (event) => {
  // To this page's own origin only; a port is the right to speak as this page.
  window.postMessage('idlewatt-port', window.location.origin, event.ports);
});

contextBridge.exposeInMainWorld('idlewatt', {
  connect: () => ipcRenderer.send('idlewatt-connect'),
  platform: process.platform,
});
