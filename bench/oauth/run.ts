import { runMeasurements } from '../run-measurements.ts'
import { measureIntrospections } from './introspections.ts'
import { measurePostgres, measureScale } from './scale.ts'
import { measureTokens } from './tokens.ts'

await runMeasurements({
  command: 'bench:oauth',
  measurements: {
    tokens: measureTokens,
    introspections: measureIntrospections,
    scale: measureScale,
    postgres: measurePostgres,
  },
  needs: ['util-linux', 'wrk'],
})
