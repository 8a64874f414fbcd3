package feed

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
)

// Results of a record of anpr.offences.v1, label of anpr_cases_intake_records_total.
const (
	resultNew      = "new"      // became a case
	resultRepeated = "repeated" // was a case
	resultDiffers  = "differs"  // was a case with other sealed bytes: the case has an incident
	resultRefused  = "refused"  // no offence, or the database takes it never
	resultUnsealed = "unsealed" // came without sealed bytes and has no row: for a supervisor, with an incident
)

// Causes of a failed re-decision, label of anpr_cases_redecide_failures_total.
const (
	FailedByError   = "error"
	FailedByRefusal = "refused" // also once when somebody acted on the case meanwhile
)

// What of the hand-over failed, label of anpr_cases_handover_failures_total.
const (
	FailedDelivery = "delivery"
	FailedNotice   = "notice"
	FailedAnswer   = "answer" // the file of an answer was refused, or could not be read
)

// Names of the parts, label of anpr_cases_paused.
const (
	PartIntake     = "intake"
	PartOutbox     = "outbox"
	PartReviews    = "reviews"
	PartComparison = "comparison"
	PartSweep      = "sweep"
	PartFiles      = "files"
	PartPictures   = "pictures"
	PartHolds      = "holds"
	PartRevival    = "revival"
	PartProof      = "proof"
	PartNumbers    = "numbers"
	PartHandOver   = "handover"
	PartBulk       = "bulk"
	PartWires      = "wires"     // cases follow their tripwires
	PartTripwires  = "tripwires" // offences are compared with their history
)

// Parts lists the parts.
func Parts() []string {
	return []string{PartIntake, PartOutbox, PartReviews, PartComparison, PartSweep, PartFiles, PartPictures, PartHolds, PartRevival, PartProof, PartNumbers, PartHandOver, PartBulk, PartWires, PartTripwires}
}

// Metrics of cases.
type Metrics struct {
	States                              *prometheus.GaugeVec
	Cases, Offences, Attempts, Residual prometheus.Gauge
	Outbox, OutboxAge                   prometheus.Gauge
	Missing, Unseen, ReviewsMissing     prometheus.Gauge
	ReviewsUnknown                      prometheus.Gauge
	Republished                         prometheus.Counter
	ComparedAt, Incidents, Overlong     prometheus.Gauge
	Failing                             prometheus.Gauge
	Damaged                             prometheus.Gauge
	ProofRounds, AuditPasses            prometheus.Gauge
	Intake                              *prometheus.CounterVec
	FromTable, Gap, Published, Stored   prometheus.Counter
	ForeignReviews, Settled, ReviewsGap prometheus.Counter
	FileAnswers, FileIncidents          prometheus.Counter
	LatePictures                        prometheus.Counter
	Numbered                            prometheus.Counter
	Unnumbered, Obstacles, Notices      prometheus.Gauge
	Undelivered, UndeliveredAge         prometheus.Gauge
	Unsent, UnsentAge                   prometheus.Gauge
	HandOverFailures                    *prometheus.CounterVec
	Redecided, RedecideFailed           *prometheus.CounterVec
	Wires, WiresAt                      prometheus.Gauge
	WiresTripped, WireHolds             prometheus.Counter
	paused                              *prometheus.GaugeVec
}

// NewMetrics makes the metrics and registers them, unless reg is nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "anpr_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "anpr_" + name, Help: help})
	}
	m := &Metrics{
		States:           prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "anpr_cases", Help: "Cases by state, in one snapshot."}, []string{"state"}),
		Cases:            gauge("cases_all", "Cases of all states, in the same snapshot."),
		Offences:         gauge("cases_offences", "Distinct offences that are cases."),
		Attempts:         gauge("cases_attempts", "Cases beyond the first of an offence."),
		Residual:         gauge("cases_residual", "By how much cases, distinct offences, attempts, states, events and the list of unsent cases do not add up with the counts, in the last whole audit or in the present one; anything but 0 is an alarm."),
		Outbox:           gauge("cases_outbox_events", "Events of cases that wait for publication."),
		OutboxAge:        gauge("cases_outbox_oldest_seconds", "Age of the oldest event that waits; 0 = none."),
		Missing:          gauge("cases_missing_offences", "Offences of the table that are no case, by hour, each as last compared; anything but 0 is an alarm."),
		Unseen:           gauge("cases_offences_without_row", "Cases whose offence is not in the table, by hour, each as last compared."),
		ReviewsMissing:   gauge("cases_reviews_missing_events", "Published events of cases that the table reviews lacks, by hour, each as last compared; they are published again."),
		ReviewsUnknown:   gauge("cases_reviews_unknown_events", "Events of the table reviews that no case has."),
		Republished:      counter("cases_republished_events_total", "Events put into the outbox again, because the table reviews lacked them."),
		ComparedAt:       gauge("cases_compared_timestamp_seconds", "Unix time of the last comparison with the tables."),
		Overlong:         gauge("cases_overlong_holds", "Holds past their longest time by more than an hour; anything but 0 is an alarm."),
		ProofRounds:      gauge("cases_proof_rounds", "Whole passes in which all offices together folded every case again from its events."),
		Failing:          gauge("cases_failing_redecisions", "Cases that the rules could not decide again three times or more, one after the other; anything but 0 is an alarm."),
		AuditPasses:      gauge("cases_audit_passes", "Whole passes in which the counts of cases were held against cases and events."),
		Damaged:          gauge("cases_damaged", "Cases that do not follow from their events, or whose sealed bytes changed, in the last whole pass or in the present one; anything but 0 is an alarm."),
		Incidents:        gauge("cases_open_incidents", "Incidents of cases that nobody has closed, at most 1,000."),
		Intake:           prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_cases_intake_records_total", Help: "Records of the offences topic by what became of them."}, []string{"result"}),
		FromTable:        counter("cases_from_table_total", "Cases taken in from the table, because the topic did not bring their offences."),
		Gap:              counter("cases_intake_gap_records_total", "Offsets of the offences topic that left the log, or could not be read, before they were taken in."),
		Published:        counter("cases_published_events_total", "Events of cases that the reviews topic acknowledged."),
		Stored:           counter("cases_stored_reviews_total", "Records of the reviews topic stored in ClickHouse."),
		ForeignReviews:   counter("cases_foreign_reviews_total", "Records of the reviews topic that are none of ours."),
		Settled:          counter("cases_swept_total", "Rows that the sweep wrote: verdicts that took effect, clocks that ran out."),
		ReviewsGap:       counter("cases_reviews_gap_records_total", "Offsets of the reviews topic that left the log, or could not be read, before they were stored."),
		LatePictures:     counter("cases_late_pictures_total", "Cases that got the pictures of their read after the intake, because the read was stored late."),
		Numbered:         counter("cases_numbered_total", "Confirmed cases that got their number."),
		Unnumbered:       gauge("cases_unnumbered", "Confirmed cases without a number."),
		Obstacles:        gauge("cases_transmission_obstacles", "Confirmed cases that something keeps from number or transmission."),
		Notices:          gauge("cases_annulments_unacknowledged", "Annulments of which the recipient was told and has not answered."),
		Undelivered:      gauge("cases_batches_undelivered", "Batches that are not in the directory of their recipient; without a directory, all."),
		UndeliveredAge:   gauge("cases_batches_undelivered_oldest_seconds", "Age of the oldest batch that is not in the directory of its recipient; 0 = none, or no directory is configured."),
		Unsent:           gauge("cases_unsent", "Confirmed cases with a number that nothing keeps and that wait for a batch."),
		UnsentAge:        gauge("cases_unsent_oldest_seconds", "How long the one of them waits that waits longest; 0 = none. More than 26 hours: no daily batch was made."),
		HandOverFailures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_cases_handover_failures_total", Help: "Tries to deliver a batch or a notice that failed, and answers that were refused."}, []string{"what"}),
		FileAnswers:      counter("cases_file_answers_total", "Confirmed cases of which the file of their vehicle said what they are, with repetitions after a change."),
		FileIncidents:    counter("cases_file_incidents_total", "Cases sent or taken back whose file said something else later; each has an incident for a supervisor."),
		Redecided:        prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_cases_redecided_total", Help: "Cases decided again, by outcome."}, []string{"outcome"}),
		RedecideFailed:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_cases_redecide_failures_total", Help: "Tries to decide a case again that failed, by cause: an error, or an answer that the case refused."}, []string{"cause"}),
		Wires:            gauge("cases_tripwires_open", "Open tripwires: cameras and rules of which nothing is issued until a person releases it."),
		WiresAt:          gauge("cases_tripwires_compared_timestamp_seconds", "Unix time of the last whole comparison of new offences with the history of their cameras."),
		WiresTripped:     counter("cases_tripwires_tripped_total", "Tripwires that this office opened because offences jumped."),
		WireHolds:        counter("cases_tripwire_holds_total", "Open cases that were held for a tripwire."),
		paused:           prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "anpr_cases_paused", Help: "1 while the part waits for PostgreSQL, Kafka or ClickHouse."}, []string{"part"}),
	}
	m.nameSeries()
	if reg != nil {
		reg.MustRegister(m.States, m.Cases, m.Offences, m.Attempts, m.Residual, m.Outbox, m.OutboxAge, m.Missing, m.Unseen, m.ReviewsMissing, m.ReviewsUnknown, m.Republished, m.ComparedAt,
			m.Damaged, m.ProofRounds, m.AuditPasses, m.Incidents, m.Overlong, m.Intake, m.FromTable, m.Gap, m.Published, m.Stored, m.ForeignReviews, m.Settled, m.LatePictures, m.FileAnswers, m.FileIncidents, m.Numbered, m.Unnumbered, m.Obstacles, m.Notices, m.Undelivered, m.UndeliveredAge, m.Unsent, m.UnsentAge, m.HandOverFailures, m.ReviewsGap, m.Redecided, m.RedecideFailed, m.Failing, m.Wires, m.WiresAt, m.WiresTripped, m.WireHolds, m.paused)
	}
	return m
}

// nameSeries makes each series of a known label, so that it is there with 0.
func (m *Metrics) nameSeries() {
	for _, s := range cases.States() {
		m.States.WithLabelValues(string(s))
	}
	for _, r := range []string{resultNew, resultRepeated, resultDiffers, resultRefused, resultUnsealed} {
		m.Intake.WithLabelValues(r)
	}
	for _, o := range []cases.Outcome{cases.OutcomeOpen, cases.OutcomeHeld, cases.OutcomeWithdrawn, outcomeGone} {
		m.Redecided.WithLabelValues(string(o))
	}
	for _, c := range []string{FailedByError, FailedByRefusal} {
		m.RedecideFailed.WithLabelValues(c)
	}
	for _, w := range []string{FailedDelivery, FailedNotice, FailedAnswer} {
		m.HandOverFailures.WithLabelValues(w)
	}
	for _, p := range Parts() {
		m.paused.WithLabelValues(p)
	}
}

// outcomeGone stands for an answer about a passage that is over its retention.
const outcomeGone cases.Outcome = "gone"

// CountRedecided counts an answer of the rules that a case recorded.
func (m *Metrics) CountRedecided(a *cases.Answer) {
	o := a.Outcome
	if a.Gone {
		o = outcomeGone
	}
	m.Redecided.WithLabelValues(string(o)).Inc()
}

// SetTotals sets the gauges of a snapshot.
func (m *Metrics) SetTotals(t *store.Totals, now time.Time) {
	for _, s := range cases.States() {
		m.States.WithLabelValues(string(s)).Set(float64(t.ByState[s]))
	}
	m.Cases.Set(float64(t.Cases))
	m.Offences.Set(float64(t.Offences))
	m.Attempts.Set(float64(t.Attempts))
	m.Overlong.Set(float64(t.Overlong))
	m.Outbox.Set(float64(t.Outbox))
	age := 0.0
	if t.Oldest > 0 {
		age = max(0, now.Sub(t.Oldest.Time()).Seconds())
	}
	m.OutboxAge.Set(age)
}

// Part is a job of the feed, for the operator: does it work, or wait? Safe for concurrent use.
type Part struct {
	name  string
	gauge prometheus.Gauge
	log   zerolog.Logger

	mu      sync.Mutex // guards the fields below
	waiting int        // partitions or loops that wait
	since   time.Time  // when the first began to wait
	noted   bool       // by Note
}

// NewPart makes a part by its name.
func NewPart(name string, m *Metrics, log zerolog.Logger) *Part {
	return &Part{name: name, gauge: m.paused.WithLabelValues(name), log: log}
}

// Note tells how a try of the part's only loop ended.
func (p *Part) Note(err error) {
	if failed := err != nil; failed != p.noted {
		if p.noted = failed; failed {
			p.pause(err)
		} else {
			p.resume()
		}
	}
}

// pause notes that somebody began to wait, and logs the first.
func (p *Part) pause(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting++; p.waiting == 1 {
		p.since = time.Now()
		p.gauge.Set(1)
		p.log.Warn().Err(err).Str("part", p.name).Msg("cases: the part waits and tries again; nothing is lost")
	}
}

// resume notes that somebody waits no more.
func (p *Part) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting--; p.waiting == 0 {
		p.gauge.Set(0)
		p.log.Info().Str("part", p.name).Dur("waited", time.Since(p.since)).Msg("cases: the part waits no more")
	}
}
