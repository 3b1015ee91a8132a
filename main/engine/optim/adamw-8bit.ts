// AdamW with both averages kept in 8 bits, as bitsandbytes' AdamW8bit: between steps a parameter costs two bytes and
// a 32nd of a float for the scales. The step itself is exact, on averages that are decoded block by block.
import { adamFactors, type AdamFactors, type AdamSettings, adamW } from './adamw.ts';
import { blockSize, dynamicQuantizer, type DynamicQuantizer } from './dynamic-code.ts';
import { elementsOf, type UpdateRule } from './update-rule.ts';

/** Smaller parameters keep their averages in float32, as bitsandbytes decides it. */
const smallestIn8Bits = 4096;

export function adamW8bit(settings: AdamSettings): UpdateRule {
  const inFloat32 = adamW(settings);
  const workspace = {
    first: { quantizer: dynamicQuantizer(true), decoded: new Float32Array(blockSize) },
    second: { quantizer: dynamicQuantizer(false), decoded: new Float32Array(blockSize) },
  };
  return (shape) => {
    const size = elementsOf(shape);
    if (size < smallestIn8Bits) return inFloat32(shape);
    const average = () => ({
      codes: new Uint8Array(size),
      scales: new Float32Array(Math.ceil(size / blockSize)),
    });
    const [first, second] = [average(), average()];
    return {
      tensors: {
        state1: { shape, data: first.codes },
        absmax1: { shape: [first.scales.length], data: first.scales },
        state2: { shape, data: second.codes },
        absmax2: { shape: [second.scales.length], data: second.scales },
      },
      update: (parameter, gradient, scalars) => {
        const vectors = {
          parameter,
          gradient,
          first: { ...first, ...workspace.first },
          second: { ...second, ...workspace.second },
        };
        const factors = adamFactors(settings, scalars);
        for (let block = 0; block < first.scales.length; block++) moveBlock(vectors, factors, block);
      },
    };
  };
}

type Average = { codes: Uint8Array; scales: Float32Array; quantizer: DynamicQuantizer; decoded: Float32Array };
type Vectors = { parameter: Float32Array; gradient: Float32Array; first: Average; second: Average };

/** The formula of adamw.ts. The parameter moves by the averages before they are rounded. */
function moveBlock({ parameter, gradient, first, second }: Vectors, factors: AdamFactors, block: number): void {
  const { beta1, beta2, epsilon, gradientScale, stepSize, secondCorrection, kept } = factors;
  const [codes1, code1, decoded1] = [first.codes, first.quantizer.code, first.decoded];
  const [codes2, code2, decoded2] = [second.codes, second.quantizer.code, second.decoded];
  const [scale1, scale2] = [first.scales[block] ?? 0, second.scales[block] ?? 0];
  const start = block * blockSize;
  const count = Math.min(blockSize, parameter.length - start);
  for (let i = 0; i < count; i++) {
    const at = start + i;
    const g = (gradient[at] ?? 0) * gradientScale;
    const m = beta1 * (code1[codes1[at] ?? 0] ?? 0) * scale1 + (1 - beta1) * g;
    const v = beta2 * (code2[codes2[at] ?? 0] ?? 0) * scale2 + (1 - beta2) * g * g;
    decoded1[i] = m;
    decoded2[i] = v;
    parameter[at] = kept * (parameter[at] ?? 0) - (stepSize * m) / (Math.sqrt(v) / secondCorrection + epsilon);
  }
  first.scales[block] = first.quantizer.quantize(decoded1, count, codes1, start);
  second.scales[block] = second.quantizer.quantize(decoded2, count, codes2, start);
}
