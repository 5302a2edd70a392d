/** What the GPU probe's hidden page gets: one way to say its result and one to say that it failed. */
import { contextBridge, ipcRenderer } from 'electron';

contextBridge.exposeInMainWorld('idlewattProbe', {
  report: (result: unknown) => ipcRenderer.send('idlewatt-probe-report', result),
  fail: (message: unknown) => ipcRenderer.send('idlewatt-probe-fail', String(message).slice(0, 500)),
});
