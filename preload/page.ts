/**
 * Bridge for the pages: requests a port to the agent, follows the agent's start, has the shell open its secret window
 * (nothing that happens there reaches the page), and the platform's name.
 */
import { contextBridge, ipcRenderer } from 'electron';
import { IPC } from '../shared/wire.ts';

ipcRenderer.on(IPC.port, (event) => {
  // Only to this page's own origin: the port is the right to act as this page.
  window.postMessage(IPC.port, window.location.origin, event.ports);
});

ipcRenderer.on(IPC.alive, () => ipcRenderer.send(IPC.alive));

contextBridge.exposeInMainWorld('idlewatt', {
  connect: () => ipcRenderer.send(IPC.connect),
  /** The page's listener gets the current step immediately and then each change. */
  onStartup: (listener: (startup: unknown) => void) => {
    ipcRenderer.removeAllListeners(IPC.startup);
    ipcRenderer.on(IPC.startup, (_event, startup: unknown) => listener(startup));
    ipcRenderer.send(IPC.startup);
  },
  openSecret: (task: unknown) => ipcRenderer.send(IPC.openSecret, task),
  platform: process.platform,
});
