import { backoffMs } from "../api/backoff";
import { ApiError, sockets } from "../api/client";
import type { LiveNote } from "../api/types";
import { firstDecodeTime } from "./times";
import type { Driver, Stage } from "./driver";
import { SoundRemover } from "./mute";
import { LivePace } from "./policy";
import { playable } from "./sink";

/** Media played longer ago than this is dropped. */
const KEEP_BEHIND = 10;
/** A socket that says nothing this long while a picture is expected is dead, whatever TCP thinks. */
const SILENT_MS = 12_000;
/** With sound on, browsers hold this much of it before they begin. */
const SOUND_FLOOR = 0.25;
/** A refusal is asked about again this seldom: hours begin, grants are given; and each question is an entry of the audit. */
const REFUSED_MS = 60_000;
/** Close code of a socket refused: 4000 and the status HTTP has for it. */
const REFUSED = 4403;
/** Room below the first picture, should the hub's clock be set back a little. */
const BELOW_FIRST = 3600;

/** Live: one WebSocket, reconnecting for as long as it is open, and the pace that keeps the picture at the edge. */
export class LiveDriver implements Driver {
  lead = false;
  #socket: WebSocket | null = null;
  #retry = 0;
  #attempt = 0;
  #lostAt: number | null = null;
  #heardAt = 0;
  #mime = "";
  /** The next binary message is an initialisation segment with its group of pictures. */
  #expectInit = false;
  /** Pictures are coming. */
  #flowing = false;
  /** The other end owes us a word: false once it said that there is no picture. */
  #owed = true;
  #atEdge = false;
  #closed = false;
  readonly #pace = new LivePace();
  readonly #remover = new SoundRemover();

  constructor(readonly stage: Stage) {
    stage.report({ kind: "connecting" });
    stage.stats.opening(stage.steady());
    stage.video.addEventListener("waiting", this.#onWaiting);
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    window.clearTimeout(this.#retry);
    this.#socket?.close();
    this.stage.video.removeEventListener("waiting", this.#onWaiting);
    document.removeEventListener("visibilitychange", this.#onVisible);
  }

  tick(): void {
    const now = this.stage.steady();
    const { video, sink } = this.stage;
    if (this.#socket && this.#owed && now - this.#heardAt > SILENT_MS) this.#socket.close();
    const end = sink.end;
    if (!this.#atEdge || end === null) return;
    if (video.paused && this.#flowing) void this.#play();
    const decision = this.#pace.decide(now, end - video.currentTime, this.#floor);
    if (decision === "jump") this.#toEdge(end);
    else if (video.playbackRate !== decision) video.playbackRate = decision;
    this.stage.stats.rate = video.playbackRate;
    sink.trim(video.currentTime, KEEP_BEHIND, Infinity);
  }

  onAppended(): void {
    const end = this.stage.sink.end;
    if (this.#atEdge || end === null) return;
    this.#atEdge = true;
    this.#toEdge(end);
    void this.#play();
    this.stage.report({ kind: "playing" });
  }

  onFailure(): void {
    // The group of pictures that begins the next connection is a clean start.
    this.#atEdge = false;
    this.#socket?.close();
  }

  #onWaiting = (): void => {
    if (!this.#atEdge || !this.#flowing || this.stage.video.seeking) return;
    if (this.#pace.stalled(this.stage.steady())) this.stage.stats.stalls += 1;
  };

  #onVisible = (): void => {
    const end = this.stage.sink.end;
    if (document.visibilityState === "visible" && this.#atEdge && end !== null) this.#toEdge(end);
  };

  async #play(): Promise<void> {
    try {
      await this.stage.video.play();
    } catch (reason) {
      // A load or pause() overtook the call, or the browser wants a click first when sound is on.
      if (reason instanceof DOMException && reason.name === "NotAllowedError") this.stage.video.muted = true;
    }
  }

  get #floor(): number {
    return this.stage.sound ? SOUND_FLOOR : this.stage.stats.frameDuration;
  }

  #toEdge(end: number): void {
    this.#pace.restart();
    this.stage.video.currentTime = Math.max(0, end - this.#pace.target);
  }

  #connect(): void {
    const socket = new WebSocket(sockets.live(this.stage.camera, this.stage.stream));
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#heardAt = this.stage.steady();
    this.#owed = true;
    socket.onmessage = (message: MessageEvent<ArrayBuffer | string>) => {
      if (this.#socket !== socket || this.#closed) return;
      this.#heardAt = this.stage.steady();
      if (typeof message.data === "string") this.#note(JSON.parse(message.data) as LiveNote);
      else this.#media(this.stage.sound ? message.data : this.#remover.strip(message.data));
    };
    socket.onclose = (event: CloseEvent) => {
      if (this.#socket !== socket || this.#closed) return;
      if (event.code === REFUSED) this.#refused();
      else this.#lost();
    };
  }

  #lost(): void {
    this.#socket = null;
    this.#flowing = false;
    this.#lostAt ??= Date.now();
    this.stage.stats.reconnects += 1;
    this.stage.report({ kind: "lost", since: this.#lostAt });
    this.#retry = window.setTimeout(() => this.#connect(), backoffMs(this.#attempt++));
  }

  #refused(): void {
    this.#socket = null;
    this.#flowing = false;
    this.stage.sink.clear();
    this.#retry = window.setTimeout(() => this.#connect(), REFUSED_MS);
  }

  #note(note: LiveNote): void {
    if (note.type === "start") this.#start(note.mime);
    else if (note.type === "state") this.#state(note);
    else if (note.type === "error") {
      this.#flowing = false;
      this.#owed = false;
      const error = new ApiError(403, note.code ?? "", note.message, note.remedy ?? "", note);
      if (error.refused) this.stage.report({ kind: "refused", error });
      else this.stage.report({ kind: "error", message: note.message, remedy: note.remedy ?? "" });
    }
  }

  #start(told: string): void {
    const mime = this.stage.sound ? told : SoundRemover.mime(told);
    this.#mime = mime;
    this.stage.stats.mime = mime;
    this.#expectInit = playable(mime);
    this.#owed = this.#expectInit;
    if (!this.#expectInit) {
      this.#flowing = false;
      this.stage.report({ kind: "unsupported", mime });
    }
  }

  #state(note: Extract<LiveNote, { type: "state" }>): void {
    this.#attempt = 0;
    this.#lostAt = null;
    if (note.state === "recording") {
      this.stage.report({ kind: this.#flowing ? "playing" : "connecting" });
      return;
    }
    this.#flowing = false;
    this.#owed = false;
    this.stage.report({
      kind: "no-picture",
      state: note.state,
      since: note.since ? Date.parse(note.since) : null,
      detail: note.detail ?? "",
      cause: note.cause ?? null,
    });
  }

  #media(data: ArrayBuffer): void {
    const { sink, video } = this.stage;
    if (this.#expectInit) this.#begin(data);
    else if (!this.#flowing) return;
    if (!sink.isOpen) return;
    const end = sink.end;
    if (this.#atEdge && end !== null) this.#pace.arrived(this.stage.steady(), end - video.currentTime);
    sink.append(data);
  }

  /** The message that begins a connection, or follows a change of the camera's parameters. */
  #begin(data: ArrayBuffer): void {
    const { sink } = this.stage;
    const first = firstDecodeTime(data);
    if (first === null) return;
    this.#expectInit = false;
    this.#flowing = true;
    this.#attempt = 0;
    this.#lostAt = null;
    if (!sink.isOpen || first < sink.origin || first > sink.origin + 10 * 86_400) {
      sink.open(this.#mime, Math.floor(first) - BELOW_FIRST);
    } else {
      sink.abort();
      if (sink.mime !== this.#mime) sink.changeType(this.#mime);
    }
    // After a break the picture continues at the new edge, not where it stopped.
    this.#atEdge = false;
  }
}
