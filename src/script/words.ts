// Words of text as the functions of Script read them.

import { HandlerError } from "../router/handler.js";

export function failed(message: string): HandlerError {
  return new HandlerError("FAILED", message);
}
