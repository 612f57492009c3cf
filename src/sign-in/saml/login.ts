/** What an accepted assertion says of a person. Pure. */
import { type Attributes, emailAddress, groupNames, type Login, valuesOf } from '../attributes.ts';
import { nameIdOf } from './assertion-checks.ts';
import type { SamlConfig } from './config.ts';
import { ASSERTION } from './message.ts';
import { childrenOf, type XmlElement } from './xml.ts';

const EMAIL_FORMAT = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

/** Reads a login from a verified assertion. The e-mail address is the mapped attribute, else a NameID whose format says it is one. */
export function loginOf(assertion: XmlElement, config: SamlConfig): Login {
  const attributes = attributesOf(assertion);
  const nameId = nameIdOf(assertion);
  const subject = nameId?.text.trim() ?? '';
  const stated = valuesOf(attributes, config.attributes.email);
  // An attribute with two different addresses states none.
  const address = stated === undefined ? subjectAsEmail(nameId) : stated.length === 1 ? stated[0] : undefined;
  const email = emailAddress(address);
  return {
    subject,
    email,
    name: valuesOf(attributes, config.attributes.name)?.[0]?.trim().slice(0, 200) || email || subject,
    groups: groupNames(valuesOf(attributes, config.attributes.groups)),
    attributes,
  };
}

function attributesOf(assertion: XmlElement): Attributes {
  const found = new Map<string, string[]>();
  for (const statement of childrenOf(assertion, ASSERTION, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, ASSERTION, 'Attribute')) {
      const name = attribute.attributes['Name'] ?? '';
      const values = childrenOf(attribute, ASSERTION, 'AttributeValue').map(({ text }) => text.trim());
      if (name !== '') found.set(name, [...(found.get(name) ?? []), ...values]);
    }
  }
  return Object.fromEntries(found);
}

function subjectAsEmail(nameId: XmlElement | undefined): string | undefined {
  return nameId?.attributes['Format'] === EMAIL_FORMAT ? nameId.text : undefined;
}
