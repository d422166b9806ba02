import {register} from 'tsx/esm/api';

register();
const {rolesLayer} = await import('./roles.ts');
const {runLayer} = await import('./campaign.ts');
const [a, b, seed = '1', total = '260'] = process.argv.slice(2);
const ids = (await rolesLayer.plan(Number(total), Number(seed))).slice(Number(a), Number(b));
const t = {};
const r = await runLayer(
  {
    ...rolesLayer,
    plan: async () => ids,
    run: async (id) => {
      const s = performance.now();
      try {
        const o = await rolesLayer.run(id);
        if (!o.hit) console.log('not hit', id);
        return o;
      } finally {
        t[id] = Math.round(performance.now() - s);
      }
    },
  },
  {cases: 1, seed: Number(seed), lanes: 2, say: console.log},
);
console.log(JSON.stringify({cases: r.cases, missed: r.missed, failed: r.failures.length, s: r.seconds}));
console.log(Object.values(t).join(' '));
process.exit(0);
