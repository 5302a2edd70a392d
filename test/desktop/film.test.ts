/**
 * Goal: a film in a real player counts as its owner's, and only while it plays. Method: Chromium's own player (in a
 * bare Electron, not our app) shows a video with sound on a virtual display; it asks a desktop's services on a bus of
 * the test's own to keep the display awake, and these keep what was asked of them. What would break: a service that
 * players ask and the sensor does not, music taken for a film, a film that still counts when it is over.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Message } from '@jellybrick/dbus-next';
import type { ElectronApplication, Page } from 'playwright';
import { createDesktopBusSensor } from '../../main/adapters/dbus/index.ts';
import type { Sensor } from '../../main/ports/sensors.ts';
import { type Answers, openPrivateBus, type PrivateBus, type Service } from '../contract/private-bus.ts';
import { type ManualClock, manualClock } from '../fakes/clock.ts';
import { launchElectron, until } from './app.ts';

/** KDE's policies: the machine is kept from sleeping, the screen is kept as it is. */
const KDE_SESSION = 1;
const KDE_SCREEN = 4;
const EVERY_KIND = ~0;
/** Beyond the minute after which the sensor asks an absent service again. */
const LATER_MS = 61_000;

type Answered = (question: Message) => readonly [signature: string, ...body: unknown[]];

/** What players asked to be kept, by cookie: the kinds as a set of bits. */
/** Waits until the sensor says so; resolves to who told it. */
type Awake = (is: boolean | undefined) => Promise<string | undefined>;

function createInhibitors() {
  const kinds = new Map<number, number>();
  let cookie = 0;
  const has = (wanted: number) => [...kinds.values()].some((kind) => (kind & wanted) !== 0);
  /** As a service's answers: what to add, release or tell stands at this place of the question. */
  return {
    has,
    add:
      (kindOf: (body: unknown[]) => number): Answered =>
      ({ body }) => {
        cookie += 1;
        kinds.set(cookie, kindOf(body));
        return ['u', cookie];
      },
    release: (({ body }) => {
      kinds.delete(Number(body[0]));
      return [''];
    }) satisfies Answered,
    tell: (({ body }) => ['b', has(Number(body[0]))]) satisfies Answered,
  };
}

describe('a film in a real player', { skip: process.platform !== 'linux', timeout: 180_000 }, () => {
  let bus: PrivateBus;
  let folder: string;
  let player: ElectronApplication;
  let page: Page;
  const services: Service[] = [];

  before(async () => {
    bus = await openPrivateBus();
    folder = mkdtempSync(join(tmpdir(), 'idlewatt-player-'));
    writeFileSync(join(folder, 'package.json'), '{"name":"player","version":"1.0.0","main":"main.cjs"}');
    writeFileSync(join(folder, 'main.cjs'), '');
    player = await launchElectron(folder, [`--user-data-dir=${join(folder, 'data')}`], {
      DBUS_SESSION_BUS_ADDRESS: bus.address,
    });
    await player.evaluate(async ({ app, BrowserWindow }) => {
      await app.whenReady();
      void new BrowserWindow({ width: 1000, height: 700 }).loadURL('about:blank');
    });
    page = await player.firstWindow();
    await page.evaluate(recordFilm);
  });
  after(async () => {
    await player.close();
    await bus.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const play = (element: 'video' | 'audio') =>
    page.evaluate((name) => document.querySelector<HTMLMediaElement>(name)?.play(), element);
  const pause = (element: 'video' | 'audio') =>
    page.evaluate((name) => document.querySelector<HTMLMediaElement>(name)?.pause(), element);

  /** `music` is the kind of inhibition that this desktop takes music for, `source` who is to tell of the film. */
  async function musicThenFilm(
    awake: Awake,
    kept: ReturnType<typeof createInhibitors>,
    music: number,
    source: string,
  ): Promise<void> {
    await awake(false);
    await play('audio');
    await until('the player to ask', () => kept.has(music), Boolean);
    await awake(false);
    await pause('audio');
    await play('video');
    assert.equal(await awake(true), source);
    await pause('video');
    await awake(false);
    await until(
      'the player to let go',
      () => kept.has(EVERY_KIND),
      (any) => !any,
    );
  }

  async function on(
    desktop: Readonly<Record<string, Answers>>,
    look: (awake: Awake) => Promise<void>,
  ): Promise<void> {
    const clock: ManualClock = manualClock(1_000_000);
    const sensor: Sensor = createDesktopBusSensor({
      addresses: { system: null, session: bus.address },
      clock,
    });
    for (const [name, answers] of Object.entries(desktop)) services.push(await bus.serve(name, answers));
    try {
      await look(async (is) => {
        const said = await until(
          `a display kept awake: ${is}`,
          async () => {
            clock.advance(LATER_MS);
            return (await sensor.read()).displayKeptAwake;
          },
          (reading) => reading?.value === is,
          20_000,
        );
        return said?.source;
      });
    } finally {
      sensor.close();
      for (const service of services.splice(0)) service.close();
    }
  }

  it('is seen under GNOME while it plays, and music is not', async () => {
    const kept = createInhibitors();
    const manager = '/org/gnome/SessionManager';
    const gnome: Answers = new Map([
      [`${manager} Inhibit`, kept.add(([, , , flags]) => Number(flags))],
      [`${manager} Uninhibit`, kept.release],
      [`${manager} IsInhibited`, kept.tell],
    ]);
    await on({ 'org.gnome.SessionManager': gnome }, (awake) =>
      musicThenFilm(awake, kept, EVERY_KIND, 'gnome-session'),
    );
  });

  it('is seen under KDE while it plays, and music is not', async () => {
    const kept = createInhibitors();
    const powerManagement: Answers = new Map([
      ['/org/freedesktop/PowerManagement/Inhibit Inhibit', kept.add(() => KDE_SESSION)],
      ['/org/freedesktop/PowerManagement/Inhibit UnInhibit', kept.release],
      ['/org/freedesktop/PowerManagement/Inhibit HasInhibit', () => ['b', kept.has(KDE_SESSION)]],
    ]);
    const screenSaver: Answers = new Map([
      ['/org/freedesktop/ScreenSaver Inhibit', kept.add(() => KDE_SCREEN)],
      ['/org/freedesktop/ScreenSaver UnInhibit', kept.release],
    ]);
    const policies: Answers = new Map([
      ['/org/kde/Solid/PowerManagement/PolicyAgent HasInhibition', kept.tell],
    ]);
    const kde = {
      'org.freedesktop.PowerManagement': powerManagement,
      'org.freedesktop.ScreenSaver': screenSaver,
      'org.kde.Solid.PowerManagement': policies,
    };
    await on(kde, (awake) => musicThenFilm(awake, kept, KDE_SESSION, 'powerdevil'));
  });

  it('is seen where there is only a power manager, and is over when its player ends', async () => {
    const kept = createInhibitors();
    const manager = '/org/freedesktop/PowerManagement/Inhibit';
    const other: Answers = new Map([
      [`${manager} Inhibit`, kept.add(() => KDE_SESSION)],
      [`${manager} UnInhibit`, kept.release],
      [`${manager} HasInhibit`, () => ['b', kept.has(KDE_SESSION)]],
    ]);
    await on({ 'org.freedesktop.PowerManagement': other }, async (awake) => {
      await awake(false);
      await play('video');
      assert.equal(await awake(true), 'power-management');
      await page.close();
      await awake(false);
      await until(
        'the player to let go',
        () => kept.has(EVERY_KIND),
        (any) => !any,
      );
    });
  });
});

/** Runs in the page: two seconds of colours and a tone become the video's and the music's file. */
async function recordFilm(): Promise<void> {
  const picture = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const context = picture.getContext('2d');
  let colour = 0;
  const painting = setInterval(() => {
    colour += 7;
    if (context === null) return;
    context.fillStyle = `hsl(${colour} 90% 50%)`;
    context.fillRect(0, 0, picture.width, picture.height);
  }, 40);
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const sound = audio.createMediaStreamDestination();
  tone.connect(sound);
  tone.start();
  const tracks = [...picture.captureStream(25).getTracks(), ...sound.stream.getTracks()];
  const record = async (kind: MediaStreamTrack[], type: string) => {
    const recorder = new MediaRecorder(new MediaStream(kind), { mimeType: type });
    const recorded = new Promise<Blob>((resolve) =>
      recorder.addEventListener('dataavailable', ({ data }) => resolve(data)),
    );
    recorder.start();
    setTimeout(() => recorder.stop(), 2_000);
    return URL.createObjectURL(await recorded);
  };
  const [film, music] = await Promise.all([
    record(tracks, 'video/webm;codecs=vp8,opus'),
    record(sound.stream.getTracks(), 'audio/webm;codecs=opus'),
  ]);
  clearInterval(painting);
  await audio.close();
  const video = Object.assign(document.createElement('video'), { src: film, loop: true });
  video.style.cssText = 'position:fixed;inset:0;width:100vw;height:100vh';
  document.body.append(video, Object.assign(document.createElement('audio'), { src: music, loop: true }));
}
