import { beforeEach, describe, expect, it } from "vitest";
import { WallClock } from "../src/player/clock";

const NOW = 1_800_000_000_000;
let elapsed = 0;
let clock: WallClock;

beforeEach(() => {
  elapsed = 0;
  clock = new WallClock(
    () => NOW + elapsed,
    () => elapsed,
  );
});

describe("WallClock", () => {
  it("is the present while live", () => {
    elapsed = 500;
    expect(clock.position()).toBe(NOW + 500);
  });

  it("runs from where it was sought, at its rate", () => {
    clock.seek(NOW - 60_000);
    elapsed = 1000;
    expect(clock.position()).toBe(NOW - 59_000);
    clock.setRate(4);
    elapsed = 2000;
    expect(clock.position()).toBe(NOW - 55_000);
  });

  it("rests when paused and goes on from there", () => {
    clock.seek(NOW - 60_000);
    clock.pause(0);
    elapsed = 5000;
    expect(clock.position()).toBe(NOW - 60_000);
    clock.play();
    elapsed = 6000;
    expect(clock.position()).toBe(NOW - 59_000);
  });

  it("pauses live at the picture the viewer saw", () => {
    clock.pause(NOW - 120);
    expect([clock.mode, clock.playing, clock.position()]).toEqual(["playback", false, NOW - 120]);
  });

  it("waits with the leading tile and follows its picture", () => {
    clock.seek(NOW - 60_000);
    clock.led(null);
    elapsed = 3000;
    expect(clock.position()).toBe(NOW - 60_000);
    clock.led(NOW - 60_050);
    elapsed = 3100;
    expect(clock.position()).toBe(NOW - 59_950);
  });

  it("runs again by itself when the waiting leader is gone", () => {
    clock.seek(NOW - 60_000);
    clock.led(null);
    elapsed = 1000;
    clock.unled();
    elapsed = 2000;
    expect(clock.position()).toBe(NOW - 59_000);
  });

  it("becomes live when sought near the present or when fast playback gets there", () => {
    clock.seek(NOW - 1000);
    expect(clock.mode).toBe("live");
    clock.seek(NOW - 60_000);
    clock.setRate(8);
    clock.led(NOW - 1000);
    expect([clock.mode, clock.rate]).toEqual(["live", 1]);
  });

  it("does not become live while paused: a frame may be stepped at the edge", () => {
    clock.pause(NOW - 300);
    clock.seek(NOW - 250);
    expect([clock.mode, clock.position()]).toEqual(["playback", NOW - 250]);
  });

  it("never runs past the present", () => {
    clock.seek(NOW - 5000);
    clock.setRate(16);
    elapsed = 10_000;
    expect(clock.position()).toBe(NOW + 10_000);
  });

  it("tells its listeners, and counts jumps only", () => {
    let told = 0;
    const leave = clock.subscribe(() => (told += 1));
    clock.seek(NOW - 60_000);
    clock.setRate(2);
    clock.pause(0);
    leave();
    clock.play();
    expect([told, clock.jumps]).toEqual([3, 1]);
  });
});
