import { HeadraceError } from "../core/errors.ts";

// What OpenSSL and Node say about a certificate; EPROTO is a handshake that failed while a request waited to be written.
const certificateCodes = /^(EPROTO$|CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH)/;

/** The certificate will be as wrong the next time. */
export function isCertificateError(error: Error): boolean {
  return certificateCodes.test(codeOf(error));
}

/** The answer had begun when its connection failed. */
export function connectionBroke(error: Error): HeadraceError {
  if (error instanceof HeadraceError) return error;
  return new HeadraceError("stream-truncated", `the provider's connection broke (${codeOf(error)})`, { cause: error });
}

/** As systems name it, such as `ECONNREFUSED`. */
export function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
