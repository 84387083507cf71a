/** Passkeys in this browser. The centre's options and answers are WebAuthn's JSON forms (level 3, section 5.1.8). */

/** Whether this browser and connection can use passkeys at all. */
export const passkeysWork = (): boolean =>
  window.isSecureContext &&
  typeof window.PublicKeyCredential === "function" &&
  typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function";

/** A new key pair; raises DOMException when the person or the authenticator refused. */
export async function makePasskey(options: PublicKeyCredentialCreationOptionsJSON): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return answer(await navigator.credentials.create({ publicKey }));
}

/** A signature with a passkey; raises DOMException when there is none or the person refused. */
export async function usePasskey(options: PublicKeyCredentialRequestOptionsJSON): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return answer(await navigator.credentials.get({ publicKey }));
}

function answer(credential: Credential | null): unknown {
  if (!(credential instanceof PublicKeyCredential)) throw new DOMException("no passkey was chosen", "NotAllowedError");
  return credential.toJSON();
}
