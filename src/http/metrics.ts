/**
 * Metrics for Prometheus: the process, and how long requests take by the template of their route. Labels never carry what a caller
 * sent: no tenant, no path as it was asked for.
 */
import type { Request, RequestHandler } from 'express';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** One number of the installation; `label` is empty where it has none. */
export interface Figure {
  readonly figure: string;
  readonly label: string;
  readonly value: number;
}

const templates = new WeakMap<Request, string>();
/** Where routers with protocols of their own are mounted; other prefixes may hold what a caller sent. */
const MOUNTS: readonly string[] = ['', '/scim/v2', '/oauth', '/access/v1', '/console', '/api/v1'];
const LABELS: Readonly<Record<string, string>> = {
  sync_runs: 'status',
  offboarding_steps: 'state',
  queue_jobs: 'queue',
  certificates_ending: 'within_days',
};

/** Says which route a request has met. */
export function noteRoute(request: Request, template: string): void {
  templates.set(request, template);
}

export interface Metrics {
  /** Measures each request; comes before all others. */
  readonly measure: RequestHandler;
  /** The text that Prometheus reads. */
  expose(): Promise<string>;
  readonly contentType: string;
}

/** @param figures reads the installation's numbers, whenever they are asked for */
export function openMetrics(figures: () => Promise<readonly Figure[]>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'drawbridge_http_request_duration_seconds',
    help: 'How long requests took, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const gauges = new Map<string, Gauge>();
  return {
    contentType: registry.contentType,
    measure: (request, response, next) => {
      const end = durations.startTimer();
      response.once('finish', () => {
        end({ method: request.method, route: routeOf(request), status: String(response.statusCode) });
      });
      next();
    },
    expose: async () => {
      for (const gauge of gauges.values()) gauge.reset();
      for (const { figure, label, value } of await figures())
        gaugeOf(registry, gauges, figure).set(labelled(figure, label), value);
      return registry.metrics();
    },
  };
}

function routeOf(request: Request): string {
  const noted = templates.get(request);
  if (noted !== undefined) return noted;
  const path: unknown = request.route?.path;
  return typeof path === 'string' && MOUNTS.includes(request.baseUrl) ? `${request.baseUrl}${path}` : 'unmatched';
}

function gaugeOf(registry: Registry, gauges: Map<string, Gauge>, figure: string): Gauge {
  let gauge = gauges.get(figure);
  if (gauge === undefined) {
    const label = LABELS[figure];
    const labelNames = label === undefined ? [] : [label];
    const help = `${figure.replaceAll('_', ' ')} of the installation.`;
    gauge = new Gauge({ name: `drawbridge_${figure}`, help, labelNames, registers: [registry] });
    gauges.set(figure, gauge);
  }
  return gauge;
}

function labelled(figure: string, label: string): Record<string, string> {
  const name = LABELS[figure];
  return name === undefined ? {} : { [name]: label };
}
