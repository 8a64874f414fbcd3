package embedded
import ("testing";"time";"os";"fmt";"runtime";"strings";"github.com/ClickHouse/ch-go";"github.com/ClickHouse/ch-go/proto")
func TestZZ(t *testing.T){
 dir:=t.TempDir()
 p:=startProcess(t,"broker",dir,"127.0.0.1:0")
 v:=make([]byte,1<<20)
 s:=time.Now()
 for range 600 { if _,err:=produce(t.Context(),p.first,0,v);err!=nil{t.Fatal(err)} }
 t.Log("600 MiB written", time.Since(s))
 s=time.Now()
 for range 100 { produce(t.Context(),p.first,1,v[:200]) }
 t.Log("small produce each", time.Since(s)/100)
 p.kill()
 s=time.Now()
 b:=startBroker(t,BrokerConfig{DataDir:dir})
 var m runtime.MemStats; runtime.ReadMemStats(&m)
 st,_:=os.ReadFile("/proc/self/status")
 for l:=range strings.SplitSeq(string(st),"\n"){ if strings.HasPrefix(l,"VmRSS")||strings.HasPrefix(l,"VmHWM"){t.Log(l)}}
 t.Log("restart",time.Since(s), b.Addr(), m.HeapInuse>>20)
}
func TestZY(t *testing.T){
 c:=startEngine(t,testConfig(t.TempDir())); conn:=factsConn(t,c)
 for i:=range 20 { b:=newReadsBlock(); b.fill(5000,i*5000,november); b.insert(t,conn,fmt.Sprint(i)) }
 var n,v proto.ColStr
 conn.Do(t.Context(), ch.Query{Body:"SELECT name, value FROM system.settings WHERE name IN ('max_insert_block_size','min_insert_block_size_rows','min_insert_block_size_bytes','insert_deduplicate','async_insert','max_insert_block_size_rows','deduplicate_insert','insert_select_deduplicate','max_insert_threads') ORDER BY name", Result: proto.Results{{Name:"name",Data:&n},{Name:"value",Data:&v}}, OnResult:nil})
 for i:=range n.Rows(){ t.Log(n.Row(i),v.Row(i)) }
 time.Sleep(30*time.Second)
 cp:=func() string { b,_:=os.ReadFile(fmt.Sprintf("/proc/%d/stat",c.PID())); _,r,_:=strings.Cut(string(b),") "); f:=strings.Fields(r); return f[11]+"+"+f[12] }
 a:=cp(); time.Sleep(20*time.Second); t.Log("ticks in 20 s", a, cp())
 st,_:=os.ReadFile(fmt.Sprintf("/proc/%d/status",c.PID()))
 for l:=range strings.SplitSeq(string(st),"\n"){ if strings.HasPrefix(l,"VmRSS")||strings.HasPrefix(l,"Rss"){t.Log(l)}}
}
