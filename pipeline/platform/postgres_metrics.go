package platform

import "github.com/prometheus/client_golang/prometheus"

// PostgresMetrics show whether an office can write to PostgreSQL.
type PostgresMetrics struct {
	OK prometheus.Gauge // anpr_office_postgres_ok: 1 = PostgreSQL takes writes
}

// NewPostgresMetrics registers the metrics.
func NewPostgresMetrics(reg prometheus.Registerer) *PostgresMetrics {
	m := &PostgresMetrics{OK: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "anpr_office_postgres_ok", Help: "1 = PostgreSQL takes the office's writes; 0 = it is away, full, a standby or without its tables.",
	})}
	reg.MustRegister(m.OK)
	return m
}
