package flow

import (
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
)

// RunOf returns the run of a workflow from the first event of its history.
func RunOf(first *historypb.HistoryEvent) (*request.Run, error) {
	began := first.GetWorkflowExecutionStartedEventAttributes()
	if began == nil {
		return nil, errors.New("the history does not begin with the start of a run")
	}
	packed, err := Bytes(began.GetInput())
	if err != nil {
		return nil, fmt.Errorf("read the run: %w", err)
	}
	return request.Unpack(packed)
}

// ResultOf returns the result of a step from the payloads of its activity.
func ResultOf(payloads *commonpb.Payloads) (*Result, error) {
	packed, err := Bytes(payloads)
	if err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	r := &Result{}
	return r, request.Open(packed, r)
}

// Bytes returns the one value of payloads.
func Bytes(payloads *commonpb.Payloads) ([]byte, error) {
	var b []byte
	err := converter.GetDefaultDataConverter().FromPayloads(payloads, &b)
	return b, err
}
