/** The API's router: connects each procedure of the contract to the core. Pages can't call the shell's procedures. */
import { implement } from '@orpc/server';
import { contract } from '../../shared/api/contract.ts';
import { type ApiContext, createImplementer, translated } from './implementer.ts';
import type { ApiParts, WatchStartup } from './parts.ts';
import { aboutRoutes } from './routes/about.ts';
import { batchRoutes } from './routes/batches.ts';
import { buyingRoutes } from './routes/buying.ts';
import { channelRoutes } from './routes/channels.ts';
import { earningsRoutes } from './routes/earnings.ts';
import { engineRoutes } from './routes/engines.ts';
import { hordeRoutes } from './routes/horde.ts';
import { keyRoutes } from './routes/keys.ts';
import { libraryRoutes } from './routes/libraries.ts';
import { machineRoutes } from './routes/machines.ts';
import { maintenanceRoutes } from './routes/maintenance.ts';
import { benchmarkRoutes, modelRoutes } from './routes/models.ts';
import { pairingRoutes } from './routes/pairing.ts';
import { shellRoutes } from './routes/shell.ts';
import { storefrontRoutes } from './routes/storefront.ts';
import { updateRoutes } from './routes/updates.ts';
import { walletRoutes } from './routes/wallet.ts';

export type { ApiContext } from './implementer.ts';
export type { ApiParts, WatchStartup } from './parts.ts';

export function createRouter(parts: ApiParts) {
  const { log } = parts;
  const api = createImplementer(log);
  const { hub, presence, jobs, history } = parts;
  return api.router({
    startup: {
      watch: api.startup.watch.handler(({ signal }) => parts.watchStartup(signal)),
    },
    state: {
      watch: api.state.watch.handler(({ signal, path }) => {
        history.warm();
        return translated(hub.watch(signal), path, log);
      }),
    },
    presence: {
      pause: api.presence.pause.handler(({ input }) => presence.pause(input.until)),
      resume: api.presence.resume.handler(() => presence.resume()),
      startNow: api.presence.startNow.handler(({ input }) => presence.startNow(input.for)),
      endStart: api.presence.endStart.handler(() => presence.endStart()),
      schedulePreview: api.presence.schedulePreview.handler(() => presence.schedulePreview()),
    },
    jobs: {
      list: api.jobs.list.handler(async ({ input }) => {
        const page = jobs.withRunning(await history.jobs(input));
        return { jobs: [...page.jobs], more: page.more };
      }),
      show: api.jobs.show.handler(({ input }) => {
        const { job, events } = jobs.show(input.id);
        const known = { speed: parts.speedOf(job.id), check: parts.checkOf(job) };
        return { job, events: [...events], ...parts.earnings.workOf(job), ...known };
      }),
    },
    earnings: earningsRoutes(api.earnings, parts),
    batches: batchRoutes(api.batches, parts),
    buying: buyingRoutes(api.buying, parts),
    channels: channelRoutes(api.channels, parts),
    keys: keyRoutes(api.keys, parts),
    storefront: storefrontRoutes(api.storefront, parts),
    maintenance: maintenanceRoutes(api.maintenance, parts),
    wallet: walletRoutes(api.wallet, parts),
    models: modelRoutes(api.models, parts),
    engines: engineRoutes(api.engines, parts),
    horde: hordeRoutes(api.horde, parts),
    libraries: libraryRoutes(api.libraries, parts),
    benchmark: benchmarkRoutes(api.benchmark, parts),
    about: aboutRoutes(api.about, parts),
    updates: updateRoutes(api.updates, parts),
    app: {
      chooseNetwork: api.app.chooseNetwork.handler(({ input }) => parts.networkSwitch.choose(input.network)),
      restart: api.app.restart.handler(() => {
        parts.upgrade.restart();
        return {};
      }),
    },
    settings: {
      change: api.settings.change.handler(({ input }) => parts.changeSettings(input)),
    },
    machines: machineRoutes(api.machines, parts),
    pairing: pairingRoutes(api.pairing, parts),
    shell: shellRoutes(api.shell, parts, log),
  });
}

/** The part of the API that answers while the agent starts: its steps. */
export function createStartupRouter(watchStartup: WatchStartup) {
  const api = implement({ startup: contract.startup }).$context<ApiContext>();
  return api.router({
    startup: { watch: api.startup.watch.handler(({ signal }) => watchStartup(signal)) },
  });
}
