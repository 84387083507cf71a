import { fold } from "../registry/directory.svelte";
import type { AgencyNode } from "./organisation";

export interface Branch {
  agency: AgencyNode;
  depth: number;
  /** Whether it has agencies below it. */
  above: boolean;
}

interface Node {
  agency: AgencyNode;
  below: Node[];
}

/** The roots and what lies below them, each level by name in Vietnamese order; an agency whose parent is not there is a root. */
function forest(agencies: readonly AgencyNode[]): Node[] {
  const nodes = new Map(agencies.map((agency) => [agency.id, { agency, below: [] as Node[] }]));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const above = node.agency.parent === null ? undefined : nodes.get(node.agency.parent);
    (above?.below ?? roots).push(node);
  }
  const order = new Intl.Collator("vi", { numeric: true });
  const sort = (level: Node[]): void => {
    level.sort((a, b) => Number(b.below.length > 0) - Number(a.below.length > 0) || order.compare(a.agency.name, b.agency.name));
    for (const node of level) sort(node.below);
  };
  sort(roots);
  return roots;
}

/**
 * The lines of the tree that are seen: below what is open, or, while something is searched, everything that fits with
 * what lies above it. A search needs no marks ("ba dinh" finds "Ba Đình").
 */
export function branches(agencies: readonly AgencyNode[], open: ReadonlySet<string>, search = ""): Branch[] {
  const wanted = fold(search.trim());
  const lines: Branch[] = [];
  const walk = ({ agency, below }: Node, depth: number): boolean => {
    const place = lines.length;
    let fits = fold(`${agency.name} ${agency.id}`).includes(wanted);
    lines.push({ agency, depth, above: below.length > 0 });
    if (wanted !== "" || open.has(agency.id))
      for (const child of below) if (walk(child, depth + 1)) fits = true;
    if (!fits) lines.length = place;
    return fits;
  };
  for (const root of forest(agencies)) walk(root, 0);
  return lines;
}

/** The agencies above one, the highest first, and itself. */
export function lineOf(agencies: readonly AgencyNode[], id: string): AgencyNode[] {
  const known = new Map(agencies.map((agency) => [agency.id, agency]));
  const line: AgencyNode[] = [];
  for (let at = known.get(id); at && !line.includes(at); at = at.parent === null ? undefined : known.get(at.parent))
    line.unshift(at);
  return line;
}
