import { t } from "../i18n/preferences.svelte";
import { directory } from "./directory.svelte";
import type { FieldShape } from "./edit";
import { word } from "./words";

/** What a field may be chosen from, as (value, words); null where it is typed. */
export function choices(shape: FieldShape): readonly (readonly [string, string])[] | null {
  switch (shape.kind) {
    case "words": {
      const { vocabulary } = shape;
      return shape.of.map((value) => [value, word(vocabulary, value)] as const);
    }
    case "unit":
      return directory.units.map((unit) => [unit.code, unit.name] as const);
    case "agency":
      return directory.agencies.map((agency) => [agency.id, agency.name] as const);
    case "vendor":
      return directory.vendors.map((vendor) => [vendor, vendor] as const);
    case "answer":
    case "flag":
      return [
        ["true", t("answer.yes")],
        ["false", t("answer.no")],
      ];
    default:
      return null;
  }
}
