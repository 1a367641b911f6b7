import {
  type JSONRPCMessage,
  SdkErrorCode,
  SdkHttpError,
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/client';

/** One answer, or one event of a stream. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const NEW_LINE = 10;
/** JSON-RPC's code for an answer that never came. */
const REPLY_LOST = -32_000;

/** Ends a body that has more bytes than a message may have; in a stream of events the count begins anew at each line. */
const bounded = (isStream: boolean): TransformStream<Uint8Array, Uint8Array> => {
  let bytes = 0;
  return new TransformStream({
    transform: (chunk, controller) => {
      const last = isStream ? chunk.lastIndexOf(NEW_LINE) : -1;
      bytes = last === -1 ? bytes + chunk.length : chunk.length - last - 1;
      if (bytes > MAX_MESSAGE_BYTES) controller.error(new Error(`a message has more than ${MAX_MESSAGE_BYTES} bytes`));
      else controller.enqueue(chunk);
    },
  });
};

const boundedFetch: typeof fetch = async (url, init) => {
  const response = await fetch(url, init);
  if (response.body === null) return response;
  const isStream = response.headers.get('content-type')?.includes('text/event-stream') ?? false;
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(bounded(isStream)), { status, statusText, headers });
};

const requestId = (message: JSONRPCMessage): string | number | undefined =>
  'method' in message && 'id' in message ? message.id : undefined;

/**
 * Streamable HTTP with bounded answers. A stream that ends without the answer it was opened for fails its request at once;
 * the SDK's own transport leaves it to the time-out.
 */
export class HttpTransport extends StreamableHTTPClientTransport {
  readonly #open = new Set<string | number>();

  constructor(url: URL, headers: Readonly<Record<string, string>>) {
    const options: StreamableHTTPClientTransportOptions = {
      requestInit: { headers: { ...headers } },
      fetch: boundedFetch,
      reconnectionOptions: {
        initialReconnectionDelay: 200,
        maxReconnectionDelay: 2_000,
        reconnectionDelayGrowFactor: 2,
        maxRetries: 3,
      },
    };
    super(url, options);
  }

  override async send(
    message: JSONRPCMessage,
    options?: Parameters<StreamableHTTPClientTransport['send']>[1],
  ): Promise<void> {
    const id = requestId(message);
    if (id === undefined) return await super.send(message, options);
    this.#open.add(id);
    const onRequestStreamEnd = () => {
      options?.onRequestStreamEnd?.();
      if (this.#open.has(id)) this.#answerLost(id);
    };
    await super.send(message, { ...options, onRequestStreamEnd });
  }

  override async start(): Promise<void> {
    const receive = this.onmessage;
    // oxlint-disable-next-line prefer-add-event-listener -- the SDK's transports have this one callback
    this.onmessage = (message) => {
      if (!('method' in message) && message.id !== undefined) this.#open.delete(message.id);
      receive?.(message);
    };
    await super.start();
  }

  #answerLost(id: string | number): void {
    this.#open.delete(id);
    const error = { code: REPLY_LOST, message: 'the stream ended without an answer' };
    this.onmessage?.({ jsonrpc: '2.0', id, error });
  }
}

/** The server's own stream cannot be had any more: the server has forgotten the session, or is gone. */
export const isStreamGone = (error: Error): boolean =>
  error.message.startsWith('Maximum reconnection attempts') ||
  (error instanceof SdkHttpError &&
    error.code === SdkErrorCode.ClientHttpFailedToOpenStream &&
    error.data.status === 404);
