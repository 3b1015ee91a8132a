// The part of TensorBoard's event format that we write, as protobuf messages. Field numbers are those of
// TensorFlow's event.proto, summary.proto and tensor.proto.
import protobuf from 'protobufjs/light.js';

type Field = [number: number, type: string, repeated?: 'repeated'];

const messages: Record<string, Record<string, Field>> = {
  Event: {
    wall_time: [1, 'double'],
    step: [2, 'int64'],
    file_version: [3, 'string'],
    summary: [5, 'Summary'],
    session_log: [7, 'SessionLog'],
    source_metadata: [10, 'SourceMetadata'],
  },
  SourceMetadata: { writer: [1, 'string'] },
  SessionLog: { status: [1, 'int32'] },
  Summary: { value: [1, 'SummaryValue', 'repeated'] },
  SummaryValue: {
    tag: [1, 'string'],
    simple_value: [2, 'float'],
    tensor: [8, 'TensorProto'],
    metadata: [9, 'SummaryMetadata'],
  },
  SummaryMetadata: { plugin_data: [1, 'PluginData'] },
  PluginData: { plugin_name: [1, 'string'] },
  TensorProto: {
    dtype: [1, 'int32'],
    tensor_shape: [2, 'TensorShapeProto'],
    string_val: [8, 'bytes', 'repeated'],
  },
  TensorShapeProto: { dim: [2, 'Dim', 'repeated'] },
  Dim: { size: [1, 'int64'] },
};

/** Of these one is always written, also where it is 0: without it a value says nothing. */
const choices: Record<string, readonly string[]> = { SummaryValue: ['simple_value', 'tensor'] };

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(messages).map(([name, fields]) => [
      name,
      {
        ...(choices[name] && { oneofs: { value: { oneof: [...choices[name]] } } }),
        fields: Object.fromEntries(
          Object.entries(fields).map(([field, [id, type, rule]]) => [field, rule ? { id, type, rule } : { id, type }]),
        ),
      },
    ]),
  ),
});
const eventType = root.lookupType('Event');

/** DataType.DT_STRING. */
const stringType = 7;
/** SessionLog.SessionStatus.START. */
const sessionStart = 1;

/** `at` is milliseconds since 1970. A step of 0 is left out, as protobuf 3 has it. */
function encode(at: number, step: number, event: Record<string, unknown>): Uint8Array {
  const message = { wall_time: at / 1000, ...(step !== 0 && { step }), ...event };
  return eventType.encode(eventType.fromObject(message)).finish();
}

/** The first event of a file. Times are milliseconds since 1970. */
export function versionEvent(at: number): Uint8Array {
  return encode(at, 0, { file_version: 'brain.Event:2', source_metadata: { writer: 'lorelei' } });
}

/** TensorBoard forgets what earlier files say of `step` and later ones. */
export function restartEvent(at: number, step: number): Uint8Array {
  return encode(at, step, { session_log: { status: sessionStart } });
}

export function scalarEvent(at: number, step: number, tag: string, value: number): Uint8Array {
  return encode(at, step, { summary: { value: [{ tag, simple_value: value }] } });
}

/** A text that TensorBoard shows under `tag`, as PyTorch's SummaryWriter.add_text writes it. */
export function textEvent(at: number, tag: string, text: string): Uint8Array {
  const value = {
    tag: `${tag}/text_summary`,
    metadata: { plugin_data: { plugin_name: 'text' } },
    tensor: {
      dtype: stringType,
      tensor_shape: { dim: [{ size: 1 }] },
      string_val: [new TextEncoder().encode(text)],
    },
  };
  return encode(at, 0, { summary: { value: [value] } });
}

/** The plain object of an event's bytes, for tests and inspection. */
export function decodeEvent(bytes: Uint8Array): Record<string, unknown> {
  return eventType.toObject(eventType.decode(bytes), { longs: Number });
}
