import { DefaultPayloadConverter, type Payload } from '@temporalio/common';

/** Stands for a payload that could not be read: a text, which no message guard and no activity result accepts. */
export const UNREADABLE = 'unreadable payload';

/**
 * The converter inside workflows. Anyone may signal a task with bytes that are no JSON, or in an encoding that nobody
 * knows; the SDK decodes signals before any handler sees them, and an error there wedges the run for good.
 */
class TolerantPayloadConverter extends DefaultPayloadConverter {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the SDK's signature
  override fromPayload<T>(payload: Payload): T {
    try {
      return super.fromPayload<T>(payload);
    } catch {
      return UNREADABLE as T;
    }
  }
}

/** Found by this name when the bundle is made. */
export const payloadConverter = new TolerantPayloadConverter();
