export type {
  Fault,
  Script,
  ScriptedCall,
  ScriptedMessage,
  ScriptedTranscript,
  ScriptedUsage,
  TranscriptCall,
  Turn,
} from './script.ts';
export {
  type RecordedRequest,
  type ScriptedModel,
  type ScriptedModelOptions,
  startScriptedModel,
} from './scripted-model.ts';
export type { ScriptedApi } from './scripted-request.ts';
