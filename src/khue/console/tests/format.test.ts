import { describe, expect, it } from "vitest";
import {
  bytes,
  civil,
  clockTime,
  clockTimeMs,
  date,
  duration,
  fileTime,
  fromCivil,
  moment,
  zoneOffset,
} from "../src/i18n/format";

const HANOI = "Asia/Ho_Chi_Minh";
const AT = Date.UTC(2026, 0, 31, 17, 5, 9, 120);

describe("times in the city's zone", () => {
  it("are seven hours ahead and in 24 hours", () => {
    expect(clockTime(AT, HANOI)).toBe("00:05:09");
    expect(clockTimeMs(AT, HANOI)).toBe("00:05:09.120");
    expect(civil(AT, HANOI)).toEqual({ year: 2026, month: 2, day: 1, hour: 0, minute: 5, second: 9 });
    expect(zoneOffset(AT, HANOI)).toBe(7 * 3600_000);
  });

  it("show the date as each language writes it", () => {
    expect(date(AT, HANOI, "vi")).toBe("01/02/2026");
    expect(date(AT, HANOI, "en")).toBe("1 Feb 2026");
  });

  it("leave out the date of today", () => {
    expect(moment(AT, HANOI, "vi", AT + 60_000)).toBe("00:05:09");
    expect(moment(AT, HANOI, "vi", AT + 86_400_000)).toBe("01/02/2026 00:05:09");
  });

  it("go into file names without signs file systems refuse", () => {
    expect(fileTime(AT, HANOI)).toBe("2026-02-01_00-05-09");
  });

  it("come back from civil time, also around a clock change", () => {
    for (const zone of [HANOI, "UTC", "Europe/Berlin", "Asia/Kathmandu"]) {
      for (const ms of [
        AT,
        Date.UTC(2026, 2, 29, 0, 30),
        Date.UTC(2026, 2, 29, 3, 0),
        Date.UTC(2026, 9, 25, 5, 0),
      ]) {
        const whole = Math.floor(ms / 1000) * 1000;
        expect(fromCivil(civil(whole, zone), zone), `${zone} ${ms}`).toBe(whole);
      }
    }
  });
});

describe("duration", () => {
  it("says the two largest units in both languages", () => {
    expect(duration(0, "en")).toBe("0 s");
    expect(duration(42_000, "en")).toBe("42 s");
    expect(duration(3_600_000, "en")).toBe("1 h");
    expect(duration(7_384_000, "en")).toBe("2 h 3 min");
    expect(duration(7_384_000, "vi")).toBe("2 giờ 3 phút");
    expect(duration(3 * 86_400_000 + 5000, "vi")).toBe("3 ngày");
  });

  it("never goes below nothing", () => {
    expect(duration(-5000, "vi")).toBe("0 giây");
  });
});

describe("bytes", () => {
  it("are decimal, with the language's mark", () => {
    expect(bytes(999, "en")).toBe("999 B");
    expect(bytes(1_540_000_000, "en")).toBe("1.5 GB");
    expect(bytes(1_540_000_000, "vi")).toBe("1,5 GB");
    expect(bytes(212_000_000, "en")).toBe("212 MB");
  });
});
