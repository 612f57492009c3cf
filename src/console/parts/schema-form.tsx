/**
 * A form of what a JSON Schema describes, so that a kind that somebody adds to the server has its form here at once. Fields that may be left
 * out are folded away below those that are needed.
 */
import {
  Accordion,
  Checkbox,
  Fieldset,
  NumberInput,
  PasswordInput,
  Select,
  Stack,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core';
import { text } from '../text/text.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;
export type Values = Readonly<Record<string, unknown>>;

interface SchemaFormProps {
  readonly schema: JsonSchema;
  readonly values: Values;
  readonly onChange: (values: Values) => void;
  /** Hides what is typed. */
  readonly secret?: boolean;
  /** Says what a field is for; by its path. */
  readonly labels?: Readonly<Record<string, string>>;
}

export function SchemaForm({ schema, values, onChange, secret = false, labels = {} }: SchemaFormProps) {
  const fields = Object.entries(propertiesOf(schema, values));
  const required = new Set((objectIn(schema, values)['required'] as string[] | undefined) ?? []);
  const field = ([name, property]: [string, JsonSchema]) => (
    <Field
      key={name}
      name={name}
      label={labels[name] ?? inWords(name)}
      schema={property}
      required={required.has(name) && property['default'] === undefined}
      secret={secret}
      labels={labels}
      value={values[name]}
      onChange={(value) => onChange(withValue(values, name, value))}
    />
  );
  const needed = fields.filter(
    ([name, property]) => (required.has(name) && property['default'] === undefined) || values[name] !== undefined,
  );
  const others = fields.filter((each) => !needed.includes(each));
  return (
    <Stack>
      {needed.map(field)}
      {others.length > 0 &&
        (needed.length === 0 && others.length <= 3 ? others.map(field) : <More>{others.map(field)}</More>)}
    </Stack>
  );
}

function More({ children }: { readonly children: React.ReactNode }) {
  return (
    <Accordion variant="contained">
      <Accordion.Item value="more">
        <Accordion.Control>{text.parts.moreFields}</Accordion.Control>
        <Accordion.Panel>
          <Stack>{children}</Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
  readonly secret: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

function Field({ label, schema, required, secret, labels, value, onChange }: FieldProps) {
  const shape = withoutNull(schema);
  const type = shape['type'];
  const example = shape['default'];
  const placeholder = example === undefined || typeof example === 'object' ? undefined : String(example);
  const common = { label, required, ...(placeholder === undefined ? {} : { placeholder }) };
  const typed = (event: { currentTarget: { value: string } }) =>
    onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value);
  if (Array.isArray(shape['enum'])) {
    return (
      <Select
        {...common}
        data={(shape['enum'] as unknown[]).map(String)}
        value={value === undefined || value === null ? null : String(value)}
        onChange={(chosen) => onChange(chosen ?? undefined)}
        clearable={!required}
      />
    );
  }
  if (type === 'boolean') {
    return (
      <Checkbox
        label={label}
        checked={value === undefined ? example === true : value === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  }
  if (type === 'number' || type === 'integer') {
    return (
      <NumberInput
        {...common}
        value={typeof value === 'number' ? value : ''}
        onChange={(number) => onChange(typeof number === 'number' ? number : undefined)}
      />
    );
  }
  if (type === 'array' && (shape['items'] as JsonSchema | undefined)?.['type'] === 'string') {
    return <TagsInput {...common} value={(value as string[] | undefined) ?? []} onChange={onChange} />;
  }
  if (type === 'object' && shape['properties'] !== undefined) {
    return (
      <Fieldset legend={label}>
        <SchemaForm schema={shape} values={(value as Values | undefined) ?? {}} onChange={onChange} labels={labels} />
      </Fieldset>
    );
  }
  if (type === 'string' || type === undefined || secret) {
    const text = typeof value === 'string' ? value : '';
    if (secret && isLong(label)) return <Textarea {...common} value={text} onChange={typed} autosize minRows={3} />;
    if (secret) return <PasswordInput {...common} value={text} onChange={typed} autoComplete="off" />;
    if (type === 'string') return <TextInput {...common} value={text} onChange={typed} />;
  }
  return <JsonField {...common} value={value} onChange={onChange} />;
}

/** What no simple field can hold is written as JSON. */
function JsonField({
  value,
  onChange,
  ...common
}: {
  label: string;
  required: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
}) {
  return (
    <Textarea
      {...common}
      description="JSON"
      autosize
      minRows={2}
      ff="monospace"
      defaultValue={value === undefined ? '' : JSON.stringify(value, null, 2)}
      onBlur={(event) => onChange(parsed(event.currentTarget.value))}
    />
  );
}

function parsed(json: string): unknown {
  if (json.trim() === '') return undefined;
  try {
    return JSON.parse(json);
  } catch {
    // Sent as it is, so that the server says what is wrong with it.
    return json;
  }
}

function withValue(values: Values, name: string, value: unknown): Values {
  const { [name]: _, ...rest } = values;
  return value === undefined ? rest : { ...rest, [name]: value };
}

function propertiesOf(schema: JsonSchema, values: Values): Record<string, JsonSchema> {
  return (objectIn(schema, values)['properties'] as Record<string, JsonSchema> | undefined) ?? {};
}

/** Of several shapes, the one that has most of what is said already; else the first. */
function objectIn(schema: JsonSchema, values: Values): JsonSchema {
  const shapes = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
  if (shapes === undefined) return schema;
  const score = (shape: JsonSchema) =>
    Object.keys((shape['properties'] as object | undefined) ?? {}).filter((name) => values[name] !== undefined).length;
  return [...shapes].sort((a, b) => score(b) - score(a))[0] ?? schema;
}

function withoutNull(schema: JsonSchema): JsonSchema {
  const shapes = (schema['anyOf'] as JsonSchema[] | undefined)?.filter(({ type }) => type !== 'null');
  return shapes?.length === 1 ? { ...shapes[0], default: schema['default'] } : schema;
}

function isLong(label: string): boolean {
  return /key|account|certificate/i.test(label);
}

/** `baseUrl` reads as "Base URL". */
function inWords(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  const said = words.replace(/\b(url|id|dn|api)\b/g, (word) => word.toUpperCase());
  return said.charAt(0).toUpperCase() + said.slice(1);
}
