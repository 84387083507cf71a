import { backoffMs } from "./backoff";
import { sockets } from "./client";
import type { StatusEvent } from "./types";

interface Listener {
  /** A stream's state changed. */
  onStatus(event: StatusEvent): void;
  /** Something about nodes or placement changed. */
  onNode(): void;
  /** There is something new to tell whoever is signed in. */
  onNotice(): void;
  /** The feed is up again after a break: what was shown may be stale. */
  onResumed(): void;
  onConnected(connected: boolean): void;
}

/** The centre's feed of transitions, reconnecting for as long as it is open. */
export class EventFeed {
  #socket: WebSocket | null = null;
  #timer = 0;
  #attempt = 0;
  #wasOpen = false;

  constructor(readonly listener: Listener) {}

  open(): void {
    this.close();
    this.#connect();
  }

  close(): void {
    window.clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #connect(): void {
    const socket = new WebSocket(sockets.events());
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempt = 0;
      this.listener.onConnected(true);
      if (this.#wasOpen) this.listener.onResumed();
      this.#wasOpen = true;
    };
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (typeof message.data === "string") this.#take(message.data);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.listener.onConnected(false);
      this.#timer = window.setTimeout(() => this.#connect(), backoffMs(this.#attempt++));
    };
  }

  #take(text: string): void {
    const event = JSON.parse(text) as StatusEvent | { type: string };
    if (event.type === "status") this.listener.onStatus(event as StatusEvent);
    else if (event.type === "node") this.listener.onNode();
    else if (event.type === "notice") this.listener.onNotice();
  }
}
