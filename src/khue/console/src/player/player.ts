import type { StreamName } from "../api/types";
import type { Moment } from "../timeline/coverage";
import type { WallClock } from "./clock";
import { enrol, strike } from "./diagnostics";
import type { Driver, Stage } from "./driver";
import { LiveDriver } from "./live";
import { PlaybackDriver } from "./playback";
import { stepFrom } from "./policy";
import { MediaSink } from "./sink";
import type { PlayerState } from "./state";
import { PlayerStats } from "./stats";

const TICK_MS = 100;

export interface PlayerOptions {
  camera: string;
  stream: StreamName;
  clock: WallClock;
  /** What is known of the stream's recordings at an instant, milliseconds since 1970 UTC. */
  recordedAt(time: number): Moment;
  onState(state: PlayerState): void;
  /** Keeps the last picture on screen while the next mode opens. */
  still: HTMLCanvasElement;
}

/** One picture: a video element, its media source and the driver of the present mode, which follows the wall's clock. */
export class Player {
  readonly stats = new PlayerStats();
  state: PlayerState = { kind: "connecting" };
  #driver: Driver | null = null;
  #mode: "live" | "playback" | null = null;
  #lead = false;
  #sound = false;
  #closed = false;
  #frameRequest = 0;
  /** The mode the picture on screen belongs to. */
  #shownIn: "live" | "playback" | null = null;
  readonly #sink: MediaSink;
  readonly #timer: number;
  readonly #unsubscribe: () => void;

  /** `alone`: this player does not follow the clock out of live. */
  constructor(
    readonly video: HTMLVideoElement,
    readonly options: PlayerOptions,
    private alone = false,
  ) {
    this.#sink = new MediaSink(video, {
      onAppended: () => this.#driver?.onAppended(),
      onFailure: (reason) => this.#driver?.onFailure(reason),
    });
    video.dataset["camera"] = options.camera;
    video.dataset["stream"] = options.stream;
    this.#timer = window.setInterval(() => this.#tick(), TICK_MS);
    this.#unsubscribe = options.clock.subscribe(() => this.#tick());
    this.#watchFrames();
    enrol(this);
    this.#tick();
  }

  get mode(): "live" | "playback" {
    return this.#mode ?? "live";
  }

  /** Wall time of the picture on screen, milliseconds since 1970 UTC; null before there is one. */
  get wallTime(): number | null {
    return this.#sink.isOpen && this.#shownIn === this.#mode ? this.wallTimeAt(this.stats.mediaTime) : null;
  }

  /** Wall time (milliseconds since 1970 UTC) of an instant on the video element's time line (seconds). */
  wallTimeAt(mediaTime: number): number {
    return (mediaTime + this.#sink.origin) * 1000;
  }

  /** Seconds of media ahead of the picture. */
  get ahead(): number {
    return this.#sink.ahead(this.video.currentTime);
  }

  /** This player's picture corrects the clock in playback. */
  set lead(lead: boolean) {
    this.#lead = lead;
    if (this.#driver) this.#driver.lead = lead;
  }

  /** Live sound costs delay, so it is left out until somebody listens; then the picture is opened anew with it. */
  setSound(sound: boolean): void {
    this.video.muted = !sound;
    if (sound === this.#sound) return;
    this.#sound = sound;
    if (this.#mode === "live") this.#change("live");
  }

  setAlone(alone: boolean): void {
    this.alone = alone;
    this.#tick();
  }

  /** Wall time of the next or previous frame, milliseconds since 1970 UTC. */
  stepTime(direction: 1 | -1): number {
    return this.wallTimeAt(stepFrom(this.stats.mediaTime, this.stats.frameDuration, direction));
  }

  close(): void {
    this.#closed = true;
    strike(this);
    window.clearInterval(this.#timer);
    this.#unsubscribe();
    this.#driver?.close();
    this.#sink.close();
    if (this.#frameRequest) this.video.cancelVideoFrameCallback(this.#frameRequest);
  }

  #tick(): void {
    if (this.#closed) return;
    const wanted = this.alone ? "live" : this.options.clock.mode;
    if (wanted !== this.#mode) this.#change(wanted);
    this.#driver?.tick();
  }

  #change(mode: "live" | "playback"): void {
    this.#driver?.close();
    if (this.#mode !== null) this.#keepPicture();
    this.#sink.detach();
    this.#shownIn = null;
    this.#mode = mode;
    this.video.dataset["mode"] = mode;
    this.video.playbackRate = 1;
    const stage = this.#stage();
    this.#driver = mode === "live" ? new LiveDriver(stage) : new PlaybackDriver(stage);
    this.#driver.lead = this.#lead;
  }

  #stage(): Stage {
    return {
      camera: this.options.camera,
      stream: this.options.stream,
      video: this.video,
      sink: this.#sink,
      clock: this.options.clock,
      stats: this.stats,
      sound: this.#sound,
      steady: () => performance.now(),
      recordedAt: (time) => this.options.recordedAt(time),
      report: (state) => this.#report(state),
    };
  }

  #report(state: PlayerState): void {
    if (JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.state = state;
    this.options.onState(state);
  }

  #keepPicture(): void {
    const { still } = this.options;
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0 || this.state.kind !== "playing") return;
    still.width = videoWidth;
    still.height = videoHeight;
    still.getContext("2d")?.drawImage(this.video, 0, 0);
    still.hidden = false;
  }

  #watchFrames(): void {
    this.#frameRequest = this.video.requestVideoFrameCallback((_, frame) => {
      if (this.#closed) return;
      const wall = this.wallTimeAt(frame.mediaTime);
      const delay = this.#mode === "live" ? performance.timeOrigin + frame.presentationTime - wall : null;
      this.stats.shown(frame.mediaTime, frame.presentationTime, wall, delay);
      this.#shownIn = this.#mode;
      if (!this.options.still.hidden) this.options.still.hidden = true;
      this.#watchFrames();
    });
  }
}
