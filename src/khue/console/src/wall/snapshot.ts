import { show } from "../i18n/preferences.svelte";

const WAIT_MS = 60_000;

/** Hands the browser a file to save. */
export function saveAs(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/** A name every file system takes: letters of any language, digits, dashes. */
export function fileName(camera: string, wall: number, ending: string): string {
  const plain = camera.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  const thousandths = String(Math.floor(wall) % 1000).padStart(3, "0");
  return `${plain || "camera"}_${show.fileTime(wall)}-${thousandths}.${ending}`;
}

/** Saves the picture on screen, whole and in its own size, as a JPEG named after camera and time. */
export function savePicture(video: HTMLVideoElement, camera: string, wall: number): void {
  if (video.videoWidth === 0) return;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  canvas.toBlob(
    (blob) => {
      if (!blob) return;
      const url = URL.createObjectURL(blob);
      saveAs(url, fileName(camera, wall, "jpg"));
      window.setTimeout(() => URL.revokeObjectURL(url), WAIT_MS);
    },
    "image/jpeg",
    0.95,
  );
}
