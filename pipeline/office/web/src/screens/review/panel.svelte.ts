/** rejectReasons are the reasons to reject, in the order of their digits: 1 to 9, then 0. */
export const rejectReasons = [
  'not_legible', 'wrong_plate', 'vehicle_differs', 'two_vehicles', 'priority_vehicle', 'exemption', 'picture_missing_or_bad', 'limit_or_sign_doubtful', 'device_doubtful', 'other',
] as const;

/** handHolds are the reasons of a hold by hand, in the order of their digits from 1. */
export const handHolds = ['awaits_register', 'awaits_partner', 'camera_checked', 'other'] as const;

// An agent holds for three days; a supervisor until the clock of the case ends.
const agentDays = [1, 2, 3];
const supervisorDays = [1, 2, 3, 5, 7];

/** RuleKind is what a supervisor, or who decides against a verdict, can say of a case: each with its reason in words. */
export type RuleKind = 'confirm' | 'reject' | 'hold' | 'open' | 'withdraw';

/** Panel is the second step of a key that has one: it takes a digit, its own letter again, or Escape. */
export class Panel {
  open = $state<'' | 'reject' | 'other' | 'hold' | 'flag' | 'rule'>('');
  /** rule is what is being said where open is rule, reason the one that was chosen for it. */
  rule = $state<RuleKind>('confirm');
  reason = $state('');
  holdReason = $state<(typeof handHolds)[number]>('awaits_register');
  holdDays = $state(1);
  fault = $state('');
  days = $state.raw<number[]>(agentDays);

  show(step: Panel['open'], supervises: boolean): void {
    this.open = step;
    this.fault = '';
    this.days = supervises ? supervisorDays : agentDays;
  }

  /** showRule opens the step in which a ruling is explained. */
  showRule(kind: RuleKind): void {
    this.show('rule', true);
    this.rule = kind;
    this.reason = '';
  }

  close(): void {
    this.open = '';
    this.fault = '';
  }
}
