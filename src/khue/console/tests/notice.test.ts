import { describe, expect, it } from "vitest";
import { CAMERA_STATES } from "../src/api/types";
import { en } from "../src/i18n/en";
import { noticeFor } from "../src/wall/notice";

describe("what a tile says in place of a picture", () => {
  it("is nothing while there is one", () => {
    expect(noticeFor({ kind: "playing" })).toBeNull();
  });

  it("names reason, since when and what is being done, for every state of a camera", () => {
    for (const state of CAMERA_STATES.filter((name) => name !== "recording")) {
      const notice = noticeFor({ kind: "no-picture", state, since: 5, detail: "401", cause: "camera" });
      expect(notice).toMatchObject({ state, since: 5, detail: "401" });
      expect(en).toHaveProperty([notice?.title ?? ""]);
      expect(en).toHaveProperty([notice?.doing ?? ""]);
    }
  });

  it("tells a gap with a cause from a time nothing is known of", () => {
    const base = { kind: "gap", detail: "", start: 1, end: 9, next: 9 } as const;
    expect(noticeFor({ ...base, cause: "disk" })).toMatchObject({
      title: "tile.gap",
      titleCause: "disk",
      until: 9,
      doing: "tile.gap.skip",
    });
    expect(noticeFor({ ...base, cause: null, next: null })).toMatchObject({ title: "tile.noRecording" });
  });

  it("names the codec a browser lacks", () => {
    expect(noticeFor({ kind: "unsupported", mime: 'video/mp4; codecs="hvc1.1.6.L93.B0"' })?.values).toEqual({
      codec: "H.265",
    });
  });
});
