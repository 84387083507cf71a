/** What is dragged about the wall: a camera from the list, or a tile to another place. */

const KIND = "application/x-khue-camera";

export function startDrag(event: DragEvent, camera: string): void {
  if (!event.dataTransfer) return;
  event.dataTransfer.setData(KIND, camera);
  event.dataTransfer.setData("text/plain", camera);
  event.dataTransfer.effectAllowed = "copyMove";
}

export const carriesCamera = (event: DragEvent): boolean => event.dataTransfer?.types.includes(KIND) ?? false;

export const droppedCamera = (event: DragEvent): string => event.dataTransfer?.getData(KIND) ?? "";
