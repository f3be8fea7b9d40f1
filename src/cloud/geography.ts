// Places on the Earth, and how far they are from each other.

/** Degrees: north and east are positive. */
export interface Place {
  /** -90 to 90. */
  readonly latitude: number;
  /** -180 to 180. */
  readonly longitude: number;
}

/** Mean radius of the Earth (IUGG), in kilometres. */
const RADIUS_KM = 6371.0088;

/** Kilometres of the great circle between two places (haversine formula, on a sphere: within 0.6 %). */
export function distance(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const north = Math.sin(((b.latitude - a.latitude) * rad) / 2);
  const east = Math.sin(((b.longitude - a.longitude) * rad) / 2);
  const h = north * north + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * east * east;
  // Rounding may bring the two ends of a diameter above 1.
  return 2 * RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}
