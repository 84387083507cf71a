import { describe, expect, it } from "vitest";
import type { Camera, Stream } from "../src/api/types";
import { choose } from "../src/cameras/streams";

const stream = (name: "main" | "sub", codec: string): Stream => ({
  name,
  codec,
  url: "",
  transport: "tcp",
  record: true,
  width: 0,
  height: 0,
  state: "recording",
  since: null,
  detail: "",
  cause: null,
  recorded_until: null,
});
const camera = (...streams: Stream[]): Camera => ({
  id: "c",
  name: "c",
  vendor: "",
  site: "",
  node: null,
  enabled: true,
  streams,
  state: "recording",
  since: null,
  detail: "",
  cause: null,
  retention_class: "default",
  created: "",
});
const can = (s: Stream): boolean => s.codec === "h264";

describe("the stream a tile shows", () => {
  it("is the one wanted when it plays", () => {
    const both = camera(stream("main", "h264"), stream("sub", "h264"));
    expect(choose(both, "sub", can)).toEqual({ stream: "sub", note: "" });
    expect(choose(both, "main", can)).toEqual({ stream: "main", note: "" });
  });

  it("falls back to the second stream when the main one is H.265, and says so", () => {
    expect(choose(camera(stream("main", "h265"), stream("sub", "h264")), "main", can)).toEqual({
      stream: "sub",
      note: "wall.fallback.h265",
    });
  });

  it("uses the main stream when there is no second one or it does not play", () => {
    expect(choose(camera(stream("main", "h264")), "sub", can)).toEqual({
      stream: "main",
      note: "wall.fallback.main",
    });
    expect(choose(camera(stream("main", "h264"), stream("sub", "h265")), "sub", can)).toEqual({
      stream: "main",
      note: "wall.fallback.mainCodec",
    });
  });

  it("stays with the wanted one when nothing plays, so that the tile can say why", () => {
    expect(choose(camera(stream("main", "h265"), stream("sub", "h265")), "main", can)).toEqual({
      stream: "main",
      note: "",
    });
    expect(choose(camera(stream("main", "h265")), "sub", can)).toEqual({ stream: "main", note: "" });
  });
});
